import pg from 'pg'
import t, { type Test } from 'tap'
import { JWKS_MAX_AGE, rotateSigningKeys } from '../../src/keys/rotate.ts'
import { MINUTE, SECOND } from '../../src/lib/time.ts'
import { makeDatabase, query, testServer } from '../database.ts'
import { ownServer } from '../db/own-server.ts'
import { type Api, newKey, start, startInstance, until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { decode, isSignedBy } from './tokens.ts'

const email = 'maya@example.com'
const TOKEN_LIFE = 10 * MINUTE

/** Two instances on one database. */
async function startTwo(t: Test) {
  const first = await start(t)
  const second = await first.another()
  const both = [first, second] as const
  const rotate = (publish: number, verify: number) =>
    rotateSigningKeys(first.ctx.db, first.ctx.secrets, { publish, verify })
  const letPass = (seconds: number) =>
    first.sql(
      `update postern.signing_key set activates_at = activates_at - $1 * interval '1 second',
        retires_at = retires_at - $1 * interval '1 second'`,
      [seconds]
    )
  const reload = () => Promise.all(both.map(({ ctx }) => ctx.signing.reload()))
  const tokenOf = async (api: Api): Promise<string> => (await first.signIn(email, api)).body.access_token
  const kidOf = (token: string) => decode(token).header.kid as string
  const kidsAt = async (api: Api): Promise<string[]> =>
    (await api.getJwks()).body.keys.map((key: { kid: string }) => key.kid)
  const statuses = async (token: string) =>
    Promise.all(both.map(async ({ api }) => (await api.getSession({ bearer: token })).status))
  return { ...first, first, second, both, rotate, letPass, reload, tokenOf, kidOf, kidsAt, statuses }
}

t.test('instances that start on an empty database at once agree on one signing key', async (t) => {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const settings = { SECRET_KEYS: newKey() }

  const instances = await Promise.all(Array.from({ length: 4 }, () => startInstance(t, database.url, settings)))

  const published = await Promise.all(instances.map(async ({ api }) => (await api.getJwks()).body))
  t.equal(published[0].keys.length, 1)
  for (const jwks of published) t.strictSame(jwks, published[0])
  t.equal((await database.sql('select from postern.signing_key')).length, 1)
})

t.test('an instance that waited for the first signing key makes no second', async (t) => {
  const { another, databaseUrl, sql, kidsAt, api } = await startTwo(t)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(() => client.end())
  await client.query("begin; select pg_advisory_xact_lock(hashtext('postern signing keys'))")

  const starting = Promise.all([another(), another()])
  await until(async () => {
    const waiting = await sql(`
      select from pg_locks as l join pg_database as d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`)
    return waiting.length === 2
  })
  await client.query('update postern.signing_key set activates_at = clock_timestamp(); commit') // made this very moment
  const late = await starting

  t.equal((await sql('select from postern.signing_key')).length, 1)
  for (const instance of late) t.strictSame(await kidsAt(instance.api), await kidsAt(api))
})

t.test('a new signing key is published before it signs, and the old one verifies until it retires', async (t) => {
  const { rotate, reload, letPass, tokenOf, kidOf, kidsAt, both, statuses } = await startTwo(t)
  const [{ api }] = both
  const before = await tokenOf(api)
  const oldKid = kidOf(before)

  const newKid = await rotate(JWKS_MAX_AGE, TOKEN_LIFE + MINUTE)
  await reload()

  for (const instance of both) {
    t.strictSame(new Set(await kidsAt(instance.api)), new Set([oldKid, newKid]), 'published')
    t.equal(kidOf(await tokenOf(instance.api)), oldKid, 'and not yet signing')
  }

  await letPass(JWKS_MAX_AGE + SECOND)
  await reload()
  for (const instance of both) {
    const token = await tokenOf(instance.api)
    t.equal(kidOf(token), newKid, 'signing')
    t.ok(isSignedBy(token, (await api.getJwks()).body.keys))
    t.strictSame(await statuses(token), [200, 200])
  }
  t.strictSame(await statuses(before), [200, 200], 'tokens of the old key go on')

  await letPass(TOKEN_LIFE + MINUTE)
  await reload()
  t.strictSame(await kidsAt(api), [newKid])
  t.strictSame(await statuses(before), [401, 401], 'until it retires')
})

t.test('rotating again and again leaves no moment without a key that signs', async (t) => {
  const { rotate, reload, letPass, tokenOf, statuses, both } = await startTwo(t)
  const [{ api }] = both

  await Promise.all(Array.from({ length: 4 }, () => rotate(JWKS_MAX_AGE, TOKEN_LIFE + MINUTE)))

  for (const seconds of [0, 10, JWKS_MAX_AGE - 10, 10, TOKEN_LIFE, 2 * MINUTE, 100 * TOKEN_LIFE]) {
    await letPass(seconds)
    await reload()
    t.strictSame(await statuses(await tokenOf(api)), [200, 200], `${seconds} s later`)
  }
  t.equal((await api.getJwks()).body.keys.length, 1)
})

t.test('a further rotation does not lengthen the life of a key that is on its way out', async (t) => {
  const { rotate, sql } = await startTwo(t)
  const [first] = await sql('select kid from postern.signing_key')
  const retires = () => sql('select retires_at from postern.signing_key where kid = $1', [first?.kid])
  await rotate(JWKS_MAX_AGE, TOKEN_LIFE)
  const before = await retires()

  await rotate(JWKS_MAX_AGE, 10 * TOKEN_LIFE)

  t.match(before, [{ retires_at: Date }])
  t.strictSame(await retires(), before)
})

t.test('an instance looks for new keys on its own', async (t) => {
  const timers: { work: () => Promise<void>; every: number }[] = []
  const real = globalThis.setInterval
  t.teardown(() => Object.assign(globalThis, { setInterval: real }))
  globalThis.setInterval = ((work: () => Promise<void>, every: number) => {
    timers.push({ work, every })
    return real(work, every)
  }) as unknown as typeof setInterval
  const { ctx, api } = await start(t)
  globalThis.setInterval = real
  const kid = await rotateSigningKeys(ctx.db, ctx.secrets, { publish: JWKS_MAX_AGE, verify: TOKEN_LIFE })

  for (const timer of timers.filter(({ every }) => every <= (JWKS_MAX_AGE / 2) * 1000)) await timer.work()

  t.ok((await api.getJwks()).body.keys.some((key: { kid: string }) => key.kid === kid))
})

t.test('a key that another instance put in force at once is found by the first tokens that need it', async (t) => {
  const { rotate, first, second, tokenOf, kidOf } = await startTwo(t)
  const kid = await rotate(0, TOKEN_LIFE)
  await first.ctx.signing.reload()
  const tokens = await Promise.all(Array.from({ length: 16 }, () => tokenOf(first.api)))
  jumpAhead(t, 3 * SECOND) // past the pause between two looks

  const answers = await Promise.all(tokens.map((bearer) => second.api.getSession({ bearer })))

  t.ok(tokens.every((token) => kidOf(token) === kid))
  t.strictSame(
    answers.map(({ status }) => status),
    tokens.map(() => 200)
  )
})

t.test('what is published holds the keys of this moment, and keeps answering in an outage', async (t) => {
  const { rotate, second, kidsAt, databaseUrl } = await startTwo(t)
  const [oldKid] = await kidsAt(second.api)
  const newKid = await rotate(JWKS_MAX_AGE, TOKEN_LIFE)
  jumpAhead(t, 3 * SECOND)

  const published = await Promise.all(Array.from({ length: 16 }, () => kidsAt(second.api)))
  for (const kids of published) t.strictSame(new Set(kids), new Set([oldKid, newKid]))

  jumpAhead(t, 3 * SECOND)
  await query((await testServer()).url, `drop database ${new URL(databaseUrl).pathname.slice(1)} with (force)`)
  t.strictSame(new Set(await kidsAt(second.api)), new Set([oldKid, newKid]))
})

t.test('who fetches the keys does not wait for a database that hangs', async (t) => {
  const server = await ownServer(t)
  const { api } = await startInstance(t, server.url, { SECRET_KEYS: newKey() })
  const { body } = await api.getJwks()
  jumpAhead(t, 3 * SECOND)
  const wake = await server.freeze()

  const other = new pg.Client({ connectionString: server.url, connectionTimeoutMillis: 3000 }) // sooner than the service's own
  const gaveUp = other.connect().catch(() => 'a connection was given up first')
  const first = await Promise.race([gaveUp, api.getJwks().then((answer) => answer.body)])

  wake()
  await gaveUp
  await other.end()
  t.strictSame(first, body)
})

t.test('an outage while a key is looked for is no sign-out', async (t) => {
  const { rotate, first, second, tokenOf, databaseUrl } = await startTwo(t)
  await rotate(0, TOKEN_LIFE)
  await first.ctx.signing.reload()
  const bearer = await tokenOf(first.api)
  jumpAhead(t, 3 * SECOND)
  await query((await testServer()).url, `drop database ${new URL(databaseUrl).pathname.slice(1)} with (force)`)

  const answers = await Promise.all(Array.from({ length: 16 }, () => second.api.getSession({ bearer })))
  answers.push(await second.api.getSession({ bearer }))

  for (const { status, headers } of answers)
    t.strictSame([status, headers.get('www-authenticate'), headers.get('retry-after')], [503, null, '2'])
})
