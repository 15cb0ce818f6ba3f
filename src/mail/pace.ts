import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { milliseconds, monotonicNow } from '../lib/time.ts'

/** Shares of the time that the event loop works: from the first on mails give way to requests, from the second on as far as they can. */
const [BUSY, FULL] = [0.5, 0.75]
/** Seconds over which that share is taken. */
const WINDOW = 0.1
/** Seconds a connection rests after a send at the most: a mail costs several times the work of a request. */
const LONGEST_REST = 0.1

/** Makes the courier give way to requests, the more the less time they leave, and never so far that no mail goes. */
export function pacer(): () => Promise<void> {
  let since = performance.eventLoopUtilization()
  let takenAt = monotonicNow()
  let rest = 0
  return async () => {
    if (monotonicNow() - takenAt > WINDOW) {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, since)
      rest = LONGEST_REST * Math.min(1, Math.max(0, (utilization - BUSY) / (FULL - BUSY)))
      since = now
      takenAt = monotonicNow()
    }
    if (rest > 0) await pause(milliseconds(rest))
  }
}
