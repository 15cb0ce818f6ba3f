import { Housekeeper } from '../../src/housekeeping/housekeeper.ts'
import type { Running } from '../helper.ts'

export type Query = <Row extends Record<string, unknown>>(text: string, values?: unknown[]) => Promise<Row[]>

/** Keeps house by hand, in place of an instance's own keeper. */
export async function keeperOf({ ctx, housekeeper }: Pick<Running, 'ctx' | 'housekeeper'>): Promise<Housekeeper> {
  await housekeeper.stop()
  return new Housekeeper({
    db: ctx.db,
    log: ctx.log,
    eventRetention: ctx.config.EVENT_RETENTION,
    mailRetention: ctx.config.MAIL_RETENTION,
    rotateKeys: async () => undefined
  })
}

/** Lets every challenge end an hour ago. */
export const expireChallenges = (sql: Query) =>
  sql(
    `update postern.challenge set expires_at = now() - interval '1 hour', created_at = created_at - interval '2 hours'`
  )

/** The level of every address, to the hundredth: it leaks while a test runs. */
export async function levels(sql: Query): Promise<number[]> {
  const rows = await sql<{ code_level: number }>('select code_level from postern.address_budget order by key')
  return rows.map(({ code_level }) => Math.round(code_level * 100) / 100)
}
