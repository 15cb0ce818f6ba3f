import type { Logger } from 'pino'
import { assemble, openDatabase } from '../boot.ts'
import { readConfig } from '../config.ts'
import type { Context } from '../context.ts'
import { migrate, pendingMigrations } from '../db/migrate.ts'
import type { Environment } from '../lib/env.ts'
import { makeLog } from './log.ts'

/**
 * Does a command's work with everything that a running service has, except the HTTP server and the mail courier. A database of
 * the operator's is not changed by a command that only looks: it must have the schema already.
 */
export async function withContext(env: Environment, work: (ctx: Context) => Promise<number>): Promise<number> {
  const config = readConfig(env)
  const log: Logger = makeLog('error')
  const database = await openDatabase(config, log)
  try {
    if (config.DATABASE_URL === undefined) await migrate(database.url)
    const { ctx } = await assemble(config, database.url, log)
    try {
      const missing = await pendingMigrations(ctx.db)
      if (missing.length > 0) throw new Error(`the database lacks ${missing.join(', ')}: run \`migrate\` first`)
      return await work(ctx)
    } finally {
      await ctx.db.destroy()
    }
  } finally {
    await database.close()
  }
}
