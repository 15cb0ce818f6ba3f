import { sql } from 'kysely'
import t from 'tap'
import { start } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'

t.test('however often readiness is asked, the database is looked at once a second', async (t) => {
  const { api, ctx } = await start(t, { DATABASE_POOL_SIZE: '1' })
  /** How often the one connection has looked for the schema, by the server's own count. */
  const looks = async () => {
    const { rows } = await sql<{ runs: number }>`
      select (generic_plans + custom_plans)::int as runs from pg_prepared_statements where statement like '%to_regclass%'
    `.execute(ctx.db)
    return rows[0]?.runs
  }
  const ask = async () => {
    for (let nth = 1; nth <= 20; nth++) t.equal((await api.getReadiness()).status, 200)
  }

  jumpAhead(t, 2)
  await ask()
  const atFirst = await looks()
  jumpAhead(t, 0.9)
  await ask()
  const within = await looks()
  jumpAhead(t, 0.2)
  await ask()

  t.strictSame([atFirst, within, await looks()], [1, 1, 2])
})

t.test('what Postgres refuses is called by its name, and not an outage', async (t) => {
  const { api, sql: change, log } = await start(t)
  jumpAhead(t, 2)
  await change('alter table postern.mail rename to lost')

  const { status, body } = await api.getReadiness()

  t.equal(status, 503)
  t.match(body.checks, { database: { ok: true }, mail: { ok: false, detail: 'the check failed; see the log' } })
  t.ok(log.some((line) => line.includes('a readiness check failed') && line.includes('postern.mail')))
})
