/**
 * How often a value of `left` lies above one of `right`, ties half: 0.5 when nobody could tell them apart (Mann and Whitney
 * 1947). `deviation` is the same in standard deviations of what chance alone would do.
 */
export function rankSum(left: readonly number[], right: readonly number[]): { share: number; deviation: number } {
  const all = [...left.map((value) => ({ value, left: true })), ...right.map((value) => ({ value, left: false }))]
  all.sort((a, b) => a.value - b.value)
  let ranks = 0
  for (let from = 0; from < all.length; ) {
    let to = from
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1
    const rank = (from + 1 + to) / 2
    for (let at = from; at < to; at++) if (all[at]?.left) ranks += rank
    from = to
  }
  const pairs = left.length * right.length
  const share = (ranks - (left.length * (left.length + 1)) / 2) / pairs
  const spread = Math.sqrt((left.length + right.length + 1) / (12 * pairs))
  return { share, deviation: (share - 0.5) / spread }
}
