import { getPriority, setPriority } from 'node:os'

/**
 * How nice a thread that hashes is. At 15 it gets a thirtieth of a core that others want whole, so that logins go on; at 10 those
 * others were seen to wait a millisecond longer (p99 beside 16 logins), at 19 no less than at 15.
 */
const NICENESS = 15

/**
 * Lets everybody else's sessions be checked first while this thread hashes; on Linux a priority is the thread's own. Where the service
 * was given a lower one already, nobody but root may raise it.
 */
export function lowerThreadPriority(): void {
  if (process.platform === 'linux' && getPriority() < NICENESS) setPriority(NICENESS)
}
