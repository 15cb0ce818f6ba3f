import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { fill } from '../../bench/fill.ts'
import { makeMembers } from '../../bench/members.ts'
import { findMailsOf } from '../../src/mail/ledger-store.ts'
import { poolOf } from '../database.ts'
import { type Running, until } from '../helper.ts'
import { keeperOf } from '../housekeeping/keeper.ts'
import { another, email, password, startWithPasswords } from '../password/with-password.ts'

type Plan = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: Plan[]
}

const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)]

/** Reads a table other than by a key: whole, along an index over times, or along one of which only what is null is asked. */
const wanders = (node: Plan): boolean =>
  /Scan/.test(node['Node Type']) &&
  node['Relation Name'] !== undefined &&
  (!/=/.test(node['Index Cond'] ?? '') ||
    /_(at|settled|unsettled|with_address|without_address)$/.test(node['Index Name'] ?? ''))

/** What by its nature asks for a time (the courier), and tables of a handful of rows. */
const byTime = /\bdue_at <= now\(\)|postern\.(signing_key|installation_tally)/

/** The statements that the pool's one connection has planned, with their plans for whatever values may come. */
async function plansOf({ ctx }: Running): Promise<{ statement: string; plan: Plan }[]> {
  const prepared = await sql<{ name: string; statement: string; types: number }>`
    select name, statement, cardinality(parameter_types) as types from pg_prepared_statements`.execute(ctx.db)
  const plans: { statement: string; plan: Plan }[] = []
  for (const { name, statement, types } of prepared.rows) {
    if (!/postern\./.test(statement) || byTime.test(statement)) continue
    const values = types === 0 ? '' : `(${Array.from({ length: types }, () => 'null').join(', ')})`
    const explained = await sql<{ 'QUERY PLAN': [{ Plan: Plan }] }>`
      ${sql.raw(`explain (format json) execute "${name}"${values}`)}`.execute(ctx.db)
    plans.push({ statement, plan: (explained.rows[0] as { 'QUERY PLAN': [{ Plan: Plan }] })['QUERY PLAN'][0].Plan })
  }
  return plans
}

/** @param grow what happens to the database before anything is planned */
async function findsRowsByKey(
  t: Test,
  grow: (service: Awaited<ReturnType<typeof startWithPasswords>>) => Promise<void>
): Promise<void> {
  const service = await startWithPasswords(t, { DATABASE_POOL_SIZE: '1', CODE_RESEND_AFTER: '0' })
  await service.housekeeper.stop() // what runs by the clock may do so at this very minute
  await grow(service)
  const { api, codeOf, askForLink, login, sql: run } = service
  const asked = await api.requestOtp({ email }, { headers: { 'idempotency-key': crypto.randomUUID() } })
  await api.resendOtp({ challenge: asked.body.challenge })
  const { challenge } = asked.body
  const first = await api.verifyOtp({ challenge, code: codeOf(challenge) })
  const bearer = first.body.access_token as string
  const again = await api.requestOtp({ email, device_token: first.body.device_token })
  await api.verifyOtp({ challenge: again.body.challenge, code: codeOf(again.body.challenge) }, { bearer })
  await api.getSession({ bearer })
  await api.listSessions({ bearer })
  await api.listDevices({ bearer })
  await api.updateMe({ locale: 'de' }, { bearer })
  await api.changePassword({ password }, { bearer })
  await run(
    `insert into postern.device (id, email_key, seed_hash, expires_at, key_id)
    select gen_random_uuid(), $1, n::text::bytea, now() + interval '1 day', 'x' from generate_series(1, 12) as n`,
    [email]
  )
  const { body } = await login()
  await api.refreshSession({ refresh_token: body.refresh_token })
  await api.endOtherSessions({ bearer })
  const token = await askForLink()
  await api.inspectPasswordReset({ token })
  const reset = await api.resetPassword({ token, password: another })
  await api.logout({ refresh_token: body.refresh_token })
  const leaver = await login(another)
  const left = await api.deleteMe({ bearer: leaver.body.access_token })
  await until(async () => (await run(`select from postern.mail where state = 'queued'`)).length === 0)

  const plans = await plansOf(service)

  t.equal(reset.status, 200)
  t.equal(left.status, 204)
  t.ok(plans.some(({ statement }) => /delete from postern.device .* offset/s.test(statement)))
  t.ok(plans.length > 20, `${plans.length} statements`)
  for (const { statement, plan } of plans)
    t.strictSame(nodes(plan).filter(wanders), [], statement.replace(/\s+/g, ' ').slice(0, 100))
}

t.test('statements planned on an empty database find their rows by key when it has grown', (t) =>
  findsRowsByKey(t, async () => undefined)
)

t.test('statements planned among many rows that are over find theirs by key', (t) =>
  findsRowsByKey(t, async ({ ctx, databaseUrl }) => {
    const pool = poolOf(databaseUrl)
    await makeMembers(pool, 500, 'argon2id')
    await fill(pool, 50_000, ctx.secrets.ring.newest.id)
    await pool.end()
  })
)

t.test('the mails of an address are found by it, and besides only those that wait are walked', async (t) => {
  const service = await startWithPasswords(t, { DATABASE_POOL_SIZE: '1' })
  const pool = poolOf(service.databaseUrl)
  await makeMembers(pool, 50, 'argon2id')
  await fill(pool, 20_000, service.ctx.secrets.ring.newest.id)
  await pool.end()

  await findMailsOf(service.ctx.db, { emailKey: email, most: 50 })

  const [asked] = (await plansOf(service)).filter(({ statement }) => /"messageId", answer from/.test(statement))
  t.strictSame(
    nodes((asked as { plan: Plan }).plan).flatMap((node) => node['Index Name'] ?? []),
    ['mail_settled_address', 'mail_due_at']
  )
})

t.test(
  'ended codes are settled by their keys also where none seemed to be open when the table was last counted',
  async (t) => {
    const service = await startWithPasswords(t, { DATABASE_POOL_SIZE: '1' })
    const keeper = await keeperOf(service)
    const pool = poolOf(service.databaseUrl)
    await makeMembers(pool, 50, 'argon2id')
    await fill(pool, 20_000, service.ctx.secrets.ring.newest.id)
    await pool.end()

    await keeper.settle()

    const [settling] = (await plansOf(service)).filter(({ statement }) => /set settled_at = now\(\)/.test(statement))
    const found = nodes((settling as { plan: Plan }).plan).filter((node) => node['Relation Name'] === 'challenge')
    t.strictSame(
      found.flatMap((node) => node['Index Name'] ?? []),
      ['challenge_unsettled', 'challenge_pkey', 'challenge_pkey']
    )
  }
)

t.test(
  'however many sessions of an account have ended, whoever asks for the open ones does not read them',
  async (t) => {
    const { api, ctx, signUp, login, askForLink, sql: run } = await startWithPasswords(t, { DATABASE_POOL_SIZE: '1' })
    await signUp()
    const columns = `user_id, credential_version, seed_hash, generation, parent_generation, grandparent_generation, rotated_at, authenticated_at,
    idle_expires_at, expires_at, last_used_at, amr, key_id`
    await run(`insert into postern.session (id, revoked_at, ${columns})
    select gen_random_uuid(), now(), ${columns} from postern.session, generate_series(1, 10000)`)
    await run('vacuum analyze postern.session')
    const rowsRead = async () => {
      await sql`select pg_stat_force_next_flush()`.execute(ctx.db)
      const [found] = await run(
        `select (idx_tup_fetch + seq_tup_read)::int as rows from pg_stat_user_tables where relname = 'session'`
      )
      return Number(found?.rows)
    }

    const before = await rowsRead()
    const bearer = (await login()).body.access_token as string
    t.equal((await api.listSessions({ bearer })).status, 200)
    t.equal((await api.endOtherSessions({ bearer })).status, 200)
    t.equal((await api.changePassword({ current_password: password, password: another }, { bearer })).status, 200)
    for (let times = 1; times <= 3; times++) await login(another)
    t.equal((await api.resetPassword({ token: await askForLink(), password })).status, 200)
    const read = (await rowsRead()) - before

    t.ok(read < 500, `${read} rows`)
    t.match(await run('select count(*)::int from postern.session where revoked_at is null'), [{ count: 0 }])
  }
)
