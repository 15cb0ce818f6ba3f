import type { Test } from 'tap'

const DAY = 86_400_000
const now = Date.now

/**
 * Moves the clock of this process, by which its instances tell what day it is, to noon of a day counted from `first`, or else from today.
 * The database's clock stays as it is.
 *
 * @param first milliseconds, as of `Date`
 */
export function otherDays(t: Test, first = now()): (days: number) => void {
  const toNoon = first - (first % DAY) + DAY / 2 - now()
  t.teardown(() => {
    Date.now = now
  })
  return (days) => {
    Date.now = () => now() + toNoon + days * DAY
  }
}
