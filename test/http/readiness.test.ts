import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { query, testServer } from '../database.ts'
import { start, until } from '../helper.ts'
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

t.test('a look that takes long is shared by all who ask meanwhile', async (t) => {
  const { api, sql: ask, databaseUrl } = await start(t)
  const operator = new pg.Client({ connectionString: databaseUrl })
  await operator.connect()
  t.teardown(() => operator.end())
  await operator.query('begin; lock table postern.mail in access exclusive mode')
  const waiting = async () =>
    (
      await ask(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query !~* '\\m(update|delete)\\M'`)
    ).length // what looks changes nothing; the courier and the housekeeper wait too

  const asked: Promise<unknown>[] = []
  const looks: number[] = []
  for (let second = 1; second <= 3; second++) {
    jumpAhead(t, 2)
    asked.push(api.getReadiness())
    await until(async () => (await waiting()) >= 2) // for the mails, and for the keys that they need
    for (let other = 1; other <= 3; other++) await api.requestOtp({ email: 'not an address' })
    looks.push(await waiting())
  }
  await operator.query('rollback')
  await Promise.all(asked)

  t.strictSame(looks, [2, 2, 2])
})

t.test('a mail that nobody sends is told once it is overdue, and not once it is of no use', async (t) => {
  const { api, sql: change } = await start(t)
  await change(`insert into postern.mail (id, kind, subject_id, valid_until, due_at, message_id, key_id)
    select gen_random_uuid(), 'reset', gen_random_uuid(), now() + interval '1 hour', now() - interval '16 minutes', '<x@x>', 'other'`)
  jumpAhead(t, 2)
  const overdue = await api.getReadiness()
  await change(`update postern.mail set valid_until = now()`)
  jumpAhead(t, 2)
  const expired = await api.getReadiness()

  t.match(overdue.body.checks.mail, { ok: false, detail: /due for 9\d\d s/ })
  t.match(expired.body.checks.mail, { ok: true })
})

t.test('mails that wait for their turn behind a mail server that hangs take no instance out', async (t) => {
  const { api, sql: change } = await start(t)
  const waiting = `insert into postern.mail (id, kind, subject_id, valid_until, due_at, attempts, message_id, key_id)
    select gen_random_uuid(), 'reset', gen_random_uuid(), now() + interval '1 hour', now() + due, attempts, '<x@x>', 'other' from (values`
  await change(`${waiting} (interval '-16 minutes', 2), (interval '20 seconds', 3)) as mails (due, attempts)`)
  jumpAhead(t, 2)
  const taken = await api.getReadiness()
  await change(`update postern.mail set attempts = 0 where due_at > now()`) // as it is written, before anybody takes it
  jumpAhead(t, 2)
  const fresh = await api.getReadiness()

  t.match(taken.body.checks.mail, { ok: true }, 'some instance takes mails')
  t.match(fresh.body.checks.mail, { ok: false, detail: /due for 9\d\d s/ })
})

t.test(
  'why the database is out of reach is said once, however often somebody looks, and that it is back',
  async (t) => {
    const { api, log, databaseUrl } = await start(t, { LOG_LEVEL: 'info' })
    const database = new URL(databaseUrl).pathname.slice(1)
    const lines = (text: string) => log.filter((line) => JSON.parse(line).msg === text)
    const told = () => lines('the database is not available') // others log it as a cause
    const { url } = await testServer()
    await query(url, `alter database ${database} with allow_connections false`)
    await query(url, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])

    jumpAhead(t, 2)
    const statuses = [(await api.getReadiness()).status]
    jumpAhead(t, 2)
    statuses.push((await api.getReadiness()).status)

    t.strictSame(statuses, [503, 503])
    t.equal(told().length, 1)
    t.match(told()[0], /not currently accepting connections|terminating connection/)
    t.equal((await api.requestOtp({ email: 'maya@example.com' })).status, 503)

    await query(url, `alter database ${database} with allow_connections true`)
    for (let look = 1; look <= 2; look++) {
      jumpAhead(t, 2)
      t.equal((await api.getReadiness()).status, 200)
    }

    t.match(
      lines('the database is available again').map((line) => JSON.parse(line).level),
      ['info']
    )
  }
)

t.test('what Postgres refuses is called by its name, and not an outage', async (t) => {
  const { api, sql: change, log } = await start(t)
  jumpAhead(t, 2)
  await change('alter table postern.mail rename to lost')

  const { status, body } = await api.getReadiness()

  t.equal(status, 503)
  t.match(body.checks, { database: { ok: true }, mail: { ok: false, detail: 'the check failed; see the log' } })
  t.ok(log.some((line) => line.includes('a readiness check failed') && line.includes('postern.mail')))
})

t.test('a table that somebody locks is not taken for an outage: what was found before stands', async (t) => {
  const { api, log, databaseUrl, sql: change } = await start(t, { DATABASE_STATEMENT_TIMEOUT: '1' })
  const operator = new pg.Client({ connectionString: databaseUrl })
  await operator.connect()
  t.teardown(() => operator.end())
  const look = () => {
    jumpAhead(t, 2)
    return api.getReadiness()
  }

  await operator.query('begin; lock table postern.password_reset in access exclusive mode')
  const unseen = await look()
  const served = await api.requestOtp({ email: 'maya@example.com' })
  await operator.query('rollback')
  const free = await look()
  await change(`insert into postern.mail (id, kind, subject_id, valid_until, due_at, message_id, key_id)
    select gen_random_uuid(), 'reset', gen_random_uuid(), now() + interval '1 hour', now() - interval '16 minutes', '<x@x>', 'other'`)
  const overdue = await look()
  await operator.query('begin; lock table postern.mail in access exclusive mode')
  const kept = [await look(), await look()]
  await operator.query('rollback')

  const locked = 'a table is locked; this is as it was found before'
  t.match(unseen, { status: 200, body: { checks: { database: { ok: true }, keys: { ok: true, detail: locked } } } })
  t.equal(served.status, 202)
  t.strictSame(free.body.checks.keys, { ok: true })
  t.match(overdue, { status: 503, body: { checks: { mail: { ok: false } } } })
  for (const { status, body } of kept) {
    t.equal(status, 503)
    t.strictSame(body.checks.mail, { ok: false, detail: `${overdue.body.checks.mail.detail} (${locked})` })
    t.match(body.checks, { database: { ok: true }, keys: { ok: false } })
  }
  t.notOk(log.some((line) => JSON.parse(line).msg === 'the database is not available'))
})
