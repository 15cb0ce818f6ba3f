import { openDatabase } from '../boot.ts'
import { readConfig } from '../config.ts'
import { migrate } from '../db/migrate.ts'
import type { Environment } from '../lib/env.ts'
import { makeLog } from './log.ts'

/** Brings the schema up to date and ends: for deployments that migrate before they start. */
export async function runMigrations(env: Environment): Promise<number> {
  const config = readConfig(env)
  const log = makeLog('warn')
  const database = await openDatabase(config, log)
  try {
    const ran = await migrate(database.url, (line) => log.warn(line))
    console.log(ran.length === 0 ? 'The schema is up to date.' : `Ran ${ran.join(', ')}.`)
    return 0
  } finally {
    await database.close()
  }
}
