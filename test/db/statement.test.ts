import { sql } from 'kysely'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type ConnectOptions, connect } from '../../src/db/connect.ts'
import { statement, transaction } from '../../src/db/statement.ts'
import { makeDatabase, testServer } from '../database.ts'
import { start, until } from '../helper.ts'

/** A database of the test's own, and pools on it. */
async function makeWorld(t: Test) {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const open = (options: Partial<ConnectOptions> = {}) => {
    const defaults = { poolSize: 1, statementTimeout: 5, prepared: true, onIdleError: () => undefined }
    const db = connect({ url: database.url, ...defaults, ...options })
    t.teardown(() => db.destroy())
    return db
  }
  return { open, run: database.sql }
}

const prepared = statement({}, () => sql<{ statement: string }>`select statement from pg_prepared_statements`)
const doubled = statement({ number: 'int4' }, ({ number }) => sql<{ twice: number }>`select ${number} * 2 as twice`)

t.test('a statement is prepared once a connection, under a name, however often it runs', async (t) => {
  const { open } = await makeWorld(t)
  const db = open()

  const answers = [await doubled(db, { number: 1 }), await doubled(db, { number: 2 }), await doubled(db, { number: 3 })]
  const statements = await prepared(db, {})

  t.strictSame(answers.flat(), [{ twice: 2 }, { twice: 4 }, { twice: 6 }])
  t.equal(statements.filter((row) => row.statement.includes('as twice')).length, 1)
})

t.test('with prepared statements off nothing stays on the connection', async (t) => {
  const { open } = await makeWorld(t)
  const db = open({ prepared: false })

  const answer = await doubled(db, { number: 21 })
  const statements = await prepared(db, {})

  t.strictSame(answer, [{ twice: 42 }])
  t.strictSame(statements, [])
})

t.test('the setting DATABASE_PREPARED decides it for the service', async (t) => {
  const { ctx, signIn, another } = await start(t, { DATABASE_POOL_SIZE: '1' })
  const plain = await another({ DATABASE_PREPARED: 'off' })

  await signIn('maya@example.com')
  await signIn('maya@example.com', plain.api)

  t.ok((await prepared(ctx.db, {})).length >= 2, 'requesting and verifying are prepared')
  t.equal((await prepared(plain.ctx.db, {})).length, 0)
})

t.test('a connection waits neither for a statement nor for a lock without end', async (t) => {
  const { open } = await makeWorld(t)
  const db = open({ statementTimeout: 3 })

  const { rows } = await sql`select current_setting('statement_timeout') as statement,
    current_setting('lock_timeout') as lock, current_setting('idle_in_transaction_session_timeout') as idle,
    current_setting('jit') as jit`.execute(db)

  t.strictSame(rows, [{ statement: '3s', lock: '1500ms', idle: '10s', jit: 'off' }])
})

t.test('a conflict with others is tried again, three times in all', async (t) => {
  const { open, run } = await makeWorld(t)
  const db = open()
  // A sequence counts also what is rolled back.
  await run(`create sequence tries; create function fail_until(good int, state text) returns int language plpgsql as $$
    begin if nextval('tries') < good then raise exception 'conflict' using errcode = state; end if; return good; end $$`)
  const fragile = statement(
    { good: 'int4', state: 'text' },
    ({ good, state }) => sql<{ good: number }>`select fail_until(${good}, ${state}) as good`
  )
  const tries = async () => (await sql<{ n: string }>`select last_value as n from tries`.execute(db)).rows[0]?.n

  for (const state of ['40001', '40P01']) {
    await run('alter sequence tries restart')
    t.strictSame(await fragile(db, { good: 3, state }), [{ good: 3 }], `${state} twice`)
    await run('alter sequence tries restart')
    await t.rejects(fragile(db, { good: 99, state }), { code: state })
    t.equal(await tries(), '3', `${state} for ever`)
  }
  // 55P03: who waited for a lock in vain must not keep a connection any longer.
  for (const state of ['23505', '55P03']) {
    await run('alter sequence tries restart')
    await t.rejects(fragile(db, { good: 99, state }), { code: state })
    t.equal(await tries(), '1', `${state} fails at once`)
  }
})

t.test('a conflict inside a transaction repeats the whole of it', async (t) => {
  const { open, run } = await makeWorld(t)
  const [mine, theirs] = [open(), open()]
  await run('create table counter (name text primary key, n int not null); insert into counter values (1, 0), (2, 0)')
  const raise = statement({ name: 'text' }, ({ name }) => sql`update counter set n = n + 1 where name = ${name}`)
  let runs = 0
  let holding = 0
  const both = (db: typeof mine, first: string, second: string) =>
    transaction(db, async (tx) => {
      runs += 1
      await raise(tx, { name: first })
      holding += 1
      await until(() => holding > 1) // both have their first row: a deadlock, every time
      await raise(tx, { name: second })
    })

  await Promise.all([both(mine, '1', '2'), both(theirs, '2', '1')])

  t.strictSame(await run('select n from counter'), [{ n: 2 }, { n: 2 }])
  t.ok(runs >= 3, `${runs} runs`)
})

t.test('a row that stays locked is 503 and not a hanging request; one that comes free is waited for', async (t) => {
  const { api, databaseUrl, sql: ask } = await start(t, { DATABASE_STATEMENT_TIMEOUT: '4' })
  await api.requestOtp({ email: 'maya@example.com' })
  const holder = new pg.Client({ connectionString: databaseUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin; select from postern.address_budget for update')

  const locked = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

  const refused = await api.requestOtp({ email: 'maya@example.com' })
  const waiting = api.requestOtp({ email: 'maya@example.com' })
  await until(async () => (await ask(locked)).length)
  await holder.query('commit')
  const served = await waiting

  t.match(refused, { status: 503, problem: { code: 'unavailable' } })
  t.match(refused.headers.get('retry-after'), /^[1-9]/)
  t.equal(served.status, 202)
})

t.test('a statement whose result type has changed recovers on every connection', async (t) => {
  const { open, run } = await makeWorld(t)
  const db = open({ poolSize: 4 })
  await run(`create table thing (id int); insert into thing values (1)`)
  const read = statement({ id: 'int4' }, ({ id }) => sql`select thing.*, pg_sleep(0.05) from thing where id = ${id}`)
  const readFourTimes = () => Promise.all([1, 1, 1, 1].map((id) => read(db, { id })))
  await readFourTimes()

  await run('alter table thing add column colour text')
  const after = await readFourTimes()

  for (const [row] of after) t.match(row, { id: 1, colour: null })
})

t.test('the service goes on while a migration adds a column', async (t) => {
  const { signIn, sql: ask } = await start(t)
  const before = await signIn('maya@example.com')

  for (const table of ['challenge', 'session', 'mail', '"user"', 'address_budget', 'event'])
    await ask(`alter table postern.${table} add column added_later text`)
  const after = await signIn('maya@example.com')

  t.strictSame([before.status, after.status], [200, 200])
})
