import { setTimeout as sleep } from 'node:timers/promises'
import { boot, type Instance } from '../boot.ts'
import { isProduction, readConfig, suspiciousNames } from '../config.ts'
import { demoIsHere } from '../http/demo.ts'
import type { Environment } from '../lib/env.ts'
import { milliseconds } from '../lib/time.ts'
import { makeLog } from './log.ts'

/** Seconds from the signal to the end, even if something hangs; below the 30 s that orchestrators usually grant. */
export const DRAIN_LIMIT = 25
/** Seconds that a start may still take once the signal comes: one that waits for a table may take any amount of time. */
const START_GRACE = 8
/** Seconds to go on serving while not ready, so that load balancers switch to other instances before the listener closes. */
export const LINGER = 2

/** Runs the service until SIGTERM or SIGINT. @returns an exit code when it could not start; its log says why */
export async function serve(env: Environment): Promise<number | undefined> {
  const config = readConfig(env)
  const log = makeLog(config.LOG_LEVEL)
  for (const hint of suspiciousNames(env)) log.warn(hint)

  const starting = boot(config, log)
  let leaving = false
  // npm forwards a signal that the whole group already got: the second one must not end the process before it has cleaned up.
  const leave = (signal: NodeJS.Signals): void => {
    if (!leaving) void drain(starting, signal)
    leaving = true
  }
  process.on('SIGTERM', leave).on('SIGINT', leave)
  let instance: Instance
  try {
    instance = await starting
  } catch (error) {
    if (!log.isLevelEnabled('fatal')) throw error // a start without a log is explained on stderr
    log.fatal(log.isLevelEnabled('debug') ? { err: error } : {}, `could not start: ${(error as Error).message}`)
    return 1
  }

  log.info(`ready for clients at ${config.PUBLIC_URL}`)
  if (instance.metricsUrl !== undefined) log.info(`metrics at ${instance.metricsUrl}`)
  if (instance.inbox !== undefined) log.info(`no SMTP_URL: mails are shown at ${config.PUBLIC_URL}/dev/inbox`)
  if (!isProduction(config) && demoIsHere())
    log.info(`try it: ${config.PUBLIC_URL}/, and the reference at ${config.PUBLIC_URL}/docs`)
  return undefined

  async function drain(started: Promise<Instance>, signal: NodeJS.Signals): Promise<void> {
    log.info({ signal }, 'shutting down')
    setTimeout(() => process.exit(1), milliseconds(DRAIN_LIMIT)).unref()
    try {
      const instance = await Promise.race([started, sleep(milliseconds(START_GRACE))])
      await instance?.stop(signal === 'SIGTERM' ? LINGER : 0)
      log.info(instance === undefined ? 'stopped before it had started' : 'stopped')
      process.exit(0)
    } catch (error) {
      log.error({ err: error }, 'could not shut down cleanly')
      process.exit(1)
    }
  }
}
