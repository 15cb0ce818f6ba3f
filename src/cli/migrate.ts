import { openDatabase } from '../boot.ts'
import { readConfig } from '../config.ts'
import { migrate } from '../db/migrate.ts'
import type { Environment } from '../lib/env.ts'
import { makeLog } from './log.ts'

/** Brings the schema up to date and ends: for deployments that migrate before they start. */
export async function runMigrations(env: Environment): Promise<number> {
  const config = readConfig(env)
  const database = await openDatabase(config, makeLog('warn'))
  try {
    const ran = await migrate(database.url)
    console.log(ran.length === 0 ? 'The schema is up to date.' : `Ran ${ran.join(', ')}.`)
    return 0
  } finally {
    await database.close()
  }
}
