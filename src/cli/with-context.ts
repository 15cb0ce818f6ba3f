import type { Logger } from 'pino'
import { assemble, openDatabase } from '../boot.ts'
import { readConfig } from '../config.ts'
import type { Context } from '../context.ts'
import { migrate } from '../db/migrate.ts'
import type { Environment } from '../lib/env.ts'
import { makeLog } from './log.ts'

/** Does a command's work with everything at hand but the door and the courier. */
export async function withContext(env: Environment, work: (ctx: Context) => Promise<number>): Promise<number> {
  const config = readConfig(env)
  const log: Logger = makeLog('error')
  const database = await openDatabase(config, log)
  try {
    await migrate(database.url, (line) => console.error(line))
    const { ctx } = await assemble(config, database.url, log)
    try {
      return await work(ctx)
    } finally {
      await ctx.db.destroy()
    }
  } finally {
    await database.close()
  }
}
