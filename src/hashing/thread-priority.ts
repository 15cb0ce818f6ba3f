import { getPriority, setPriority } from 'node:os'

/**
 * The nice value of hashing threads. At 15 they get a thirtieth of a core that others keep busy, so that logins still progress;
 * at 10 those others were measured to wait a millisecond longer (p99 beside 16 logins), at 19 no less than at 15.
 */
const NICENESS = 15

/**
 * Lets the session checks of other requests go first while this thread hashes; on Linux a priority belongs to the thread. Where
 * the service was started with a lower one, only root may raise it.
 */
export function lowerThreadPriority(): void {
  if (process.platform === 'linux' && getPriority() < NICENESS) setPriority(NICENESS)
}
