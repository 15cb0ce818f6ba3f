import { rankSum } from './rank-sum.ts'

/** Standard deviations that chance hardly ever reaches: once in two thousand comparisons. */
export const MOST_DEVIATION = 3.5

/** Asks about the next address of one kind. @returns milliseconds and the answer's status */
export type Ask = () => Promise<{ took: number; status: number }>
export type Compared = {
  share: number
  deviation: number
  alike: boolean
  medians: [number, number]
  statuses: [Record<number, number>, Record<number, number>]
}

/**
 * Asks of both kinds equally often in an order drawn by chance, so that neither has the quieter moments, nor what the other
 * has left behind to be done.
 */
export async function compare(one: Ask, other: Ask, times: number): Promise<Compared> {
  const turns = shuffled([...Array(times).fill(0), ...Array(times).fill(1)] as (0 | 1)[])
  const took: [number[], number[]] = [[], []]
  const statuses: Compared['statuses'] = [{}, {}]
  for (let warm = 0; warm < Math.min(50, times / 10); warm++) await one()
  for (let warm = 0; warm < Math.min(50, times / 10); warm++) await other()
  for (const turn of turns) {
    const answer = await (turn === 0 ? one : other)()
    took[turn].push(answer.took)
    statuses[turn][answer.status] = (statuses[turn][answer.status] ?? 0) + 1
  }
  const { share, deviation } = rankSum(took[1], took[0])
  const medians: [number, number] = [median(took[0]), median(took[1])]
  return { share, deviation, alike: Math.abs(deviation) <= MOST_DEVIATION, medians, statuses }
}

/** How many requests `compare` makes of each kind, those to get warm included. */
export const requestsFor = (times: number): number => times + Math.ceil(Math.min(50, times / 10))

/** As if the answers took a little longer, as they would with a leak. @param delay milliseconds */
export const planted =
  (ask: Ask, delay: number): Ask =>
  async () => {
    const { took, status } = await ask()
    return { took: took + delay, status }
  }

function shuffled<T>(items: T[]): T[] {
  for (let at = items.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[items[at], items[other]] = [items[other] as T, items[at] as T]
  }
  return items
}

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
