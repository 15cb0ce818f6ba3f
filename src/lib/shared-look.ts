import { monotonicNow } from './time.ts'

/**
 * One look at a time, shared by all who ask meanwhile; it stands for `kept` seconds after its end. However long a look takes and
 * however many ask, the database is asked once.
 *
 * @param share of the time that looks may take at the most: what a long one found stands for longer. A failure never does.
 */
export function sharedLook<Found>(kept: number, look: () => Promise<Found>, share = 1): () => Promise<Found> {
  let last: { found: Promise<Found>; standsUntil: number } | undefined
  return () => {
    if (last !== undefined && monotonicNow() <= last.standsUntil) return last.found
    const begunAt = monotonicNow()
    const mine = { found: look(), standsUntil: Number.POSITIVE_INFINITY }
    const ended = (keptFor: number): void => {
      mine.standsUntil = monotonicNow() + keptFor
    }
    mine.found.then(
      () => ended(Math.max(kept, (monotonicNow() - begunAt) * (1 / share - 1))),
      () => ended(kept)
    )
    last = mine
    return mine.found
  }
}
