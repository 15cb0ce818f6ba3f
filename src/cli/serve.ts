import { boot, type Instance } from '../boot.ts'
import { isProduction, readConfig, suspiciousNames } from '../config.ts'
import { demoIsHere } from '../http/demo.ts'
import type { Environment } from '../lib/env.ts'
import { drain } from './drain.ts'
import { makeLog } from './log.ts'

/** Runs the service until SIGTERM, SIGINT or SIGHUP. @returns an exit code when it could not start; its log says why */
export async function serve(env: Environment): Promise<number | undefined> {
  const config = readConfig(env)
  const log = makeLog(config.LOG_LEVEL)
  for (const hint of suspiciousNames(env)) log.warn(hint)

  const starting = boot(config, log)
  let leaving = false
  // npm forwards a signal that the whole group already got: the second one must not end the process before it has cleaned up.
  const leave = (signal: NodeJS.Signals): void => {
    if (!leaving) void drain(starting, signal, log)
    leaving = true
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, leave)
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
}
