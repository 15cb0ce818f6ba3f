import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { milliseconds, monotonicNow } from '../lib/time.ts'

/** Share of the time that the event loop works, above which requests already wait for one another. */
const BUSY_FROM = 0.75
/** Seconds over which that share is taken. */
const WINDOW = 0.1
/** Seconds a lane rests after a send while the loop is busy: a mail costs several times the work of a request. */
const REST = 0.05

/** Makes the courier give way to requests: full speed while there is time, and a bounded share of it when there is none. */
export function pacer(): () => Promise<void> {
  let since = performance.eventLoopUtilization()
  let takenAt = monotonicNow()
  let busy = false
  return async () => {
    if (monotonicNow() - takenAt > WINDOW) {
      const now = performance.eventLoopUtilization()
      busy = performance.eventLoopUtilization(now, since).utilization > BUSY_FROM
      since = now
      takenAt = monotonicNow()
    }
    if (busy) await pause(milliseconds(REST))
  }
}
