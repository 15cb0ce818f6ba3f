import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { milliseconds, monotonicNow } from '../lib/time.ts'

/** Event-loop utilisation: from the first share on, mails give way to requests; from the second on, as far as they can. */
const [BUSY, FULL] = [0.5, 0.75]
/** Seconds over which utilisation is measured. */
const WINDOW = 0.1
/** The most seconds a connection rests after a send: a mail costs several times the work of a request. */
const LONGEST_REST = 0.1

/** Makes the courier give way to requests: the busier the event loop, the more, but never so much that no mail is sent. */
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
