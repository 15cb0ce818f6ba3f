import { monotonicNow } from './time.ts'

/**
 * One look at a time, shared by all who ask meanwhile; it stands for `kept` seconds after its end. However long a look takes and
 * however many ask, the database is asked once.
 */
export function sharedLook<Found>(kept: number, look: () => Promise<Found>): () => Promise<Found> {
  let last: { found: Promise<Found>; endedAt: number | undefined } | undefined
  return () => {
    if (last !== undefined && (last.endedAt === undefined || monotonicNow() - last.endedAt <= kept)) return last.found
    const mine = {
      endedAt: undefined as number | undefined,
      found: look().finally(() => {
        mine.endedAt = monotonicNow()
      })
    }
    last = mine
    return mine.found
  }
}
