import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Instance } from '../boot.ts'
import { connectionsOf } from '../db/connect.ts'
import { milliseconds } from '../lib/time.ts'

/** Seconds from the signal to the end, even if something hangs; below the 30 s that orchestrators usually grant. */
export const DRAIN_LIMIT = 25
/** Seconds that a start may still take once the signal comes: one that waits for a table may take any amount of time. */
const START_GRACE = 8
/** Seconds to go on serving while not ready, so that load balancers switch to other instances before the listener closes. */
export const LINGER = 2

type Stoppable = Pick<Instance, 'ctx' | 'stop'>

/** Ends the process in order, or with 1 at the limit. SIGINT comes from somebody at a terminal, where no load balancer has to switch. */
export async function drain(
  starting: Promise<Stoppable>,
  signal: NodeJS.Signals,
  log: Logger,
  exit: (code: number) => void = process.exit
): Promise<void> {
  let instance: Stoppable | undefined
  log.info({ signal }, 'shutting down')
  setTimeout(() => {
    const statements = instance && connectionsOf(instance.ctx.db).inUse
    log.error({ statements }, `not stopped within ${DRAIN_LIMIT} s: what is still under way is cut off`)
    exit(1)
  }, milliseconds(DRAIN_LIMIT)).unref()
  try {
    instance = await Promise.race([starting, sleep(milliseconds(START_GRACE), undefined, { ref: false })])
    await instance?.stop(signal === 'SIGINT' ? 0 : LINGER)
    log.info(instance === undefined ? 'stopped before it had started' : 'stopped')
    exit(0)
  } catch (error) {
    log.error({ err: error }, 'could not shut down cleanly')
    exit(1)
  }
}
