import { mock } from 'node:test'
import { sql as fragment } from 'kysely'
import pg from 'pg'
import t, { type Test } from 'tap'
import { DRAIN_LIMIT, drain, LINGER } from '../../src/cli/drain.ts'
import { CLOSING_PATIENCE } from '../../src/http/closing.ts'
import { SEND_DEADLINE } from '../../src/mail/courier.ts'
import { startChild } from '../child.ts'
import { makeDatabase, query, testServer } from '../database.ts'
import { newKey, start, until } from '../helper.ts'
import { mailServer, refusing } from '../mail/servers.ts'
import { scrape } from '../metrics/scrape.ts'
import { rawSocket, readAnswer } from '../raw-socket.ts'

const body = JSON.stringify({ email: 'maya@example.com' })
const post = `POST /v1/otp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`

async function makeWorld(t: Test) {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const sql = <Row extends Record<string, unknown>>(text: string) => query<Row>(database.url, text)
  return { sql, settings: { DATABASE_URL: database.url, SECRET_KEYS: newKey() } }
}

/** Resolves when the service takes no connections any more. */
const doorShut = (url: string) =>
  until(() =>
    fetch(`${url}/livez`, { headers: { connection: 'close' } }).then(
      () => false,
      () => true
    )
  )

t.test('after SIGTERM it says that it is not ready, serves on for a moment, and ends with 0', async (t) => {
  const { settings } = await makeWorld(t)
  const child = await startChild(t, settings)
  const before = await child.api.getReadiness()

  const ending = child.end('SIGTERM')
  const flipped = await until(async () => {
    const answer = await child.api.getReadiness()
    return answer.status === 503 ? answer : undefined
  })
  const served = await child.api.requestOtp({ email: 'maya@example.com' })
  const alive = await child.api.getLiveness()
  const { by, seconds } = await ending

  t.equal(before.status, 200)
  t.match(flipped.body, { status: 'not-ready', checks: { process: { ok: false } } })
  t.equal(served.status, 202)
  t.equal(alive.status, 200)
  t.equal(served.headers.get('connection'), 'close', 'a connection that is kept would be cut off between two requests')
  t.equal(by, 0)
  t.ok(seconds > 1 && seconds < 10, `${seconds} s`)
  t.match(child.log(), '"route":"/readyz","status":503')
  t.notMatch(child.log(), '"level":"error"', 'a roll-out is no alarm')
})

t.test('a terminal that hangs up ends it as SIGTERM does', async (t) => {
  const { settings } = await makeWorld(t)
  const child = await startChild(t, settings)

  const { by } = await child.end('SIGHUP')

  t.equal(by, 0)
  t.match(child.log(), /"signal":"SIGHUP".*"stopped"/s)
})

t.test('one that is not over within its limit says so, and what it cuts off, and ends with 1', async (t) => {
  const { ctx, log, sql, databaseUrl } = await start(t, { DATABASE_STATEMENT_TIMEOUT: '60' })
  const holder = new pg.Client({ connectionString: databaseUrl })
  await holder.connect()
  await holder.query('begin; lock table postern.signing_key in access exclusive mode')
  const asked = fragment`select from postern.signing_key`.execute(ctx.db)
  await until(
    async () =>
      (
        await sql(`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%signing_key%'`)
      )[0]
  )
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const exits: number[] = []

  const stopping = Promise.withResolvers<void>()
  const draining = drain(Promise.resolve({ ctx, stop: () => stopping.promise }), 'SIGTERM', ctx.log, (code) =>
    exits.push(code)
  )
  await new Promise((resolve) => setImmediate(resolve))
  mock.timers.tick(DRAIN_LIMIT * 1000 - 1)
  const before = exits.length
  mock.timers.tick(1)
  mock.timers.reset()
  const last = JSON.parse(log.at(-1) ?? '')
  await holder.query('commit')
  await holder.end()
  await asked
  stopping.resolve()
  await draining

  t.equal(before, 0)
  t.equal(exits[0], 1)
  t.match(last, { level: 'error', msg: `not stopped within ${DRAIN_LIMIT} s: what is still under way is cut off` })
  t.ok(last.statements >= 1, `${last.statements} statements`)
})

t.test('somebody at a terminal need not wait for load balancers', async (t) => {
  const { ctx } = await start(t)
  mock.timers.enable({ apis: ['setTimeout'] }) // the limit of each drain goes with it
  t.teardown(() => mock.timers.reset())
  const lingers: (number | undefined)[] = []
  const stop = async (linger?: number) => void lingers.push(linger)

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    await drain(Promise.resolve({ ctx, stop }), signal, ctx.log, () => undefined)

  mock.timers.reset()

  t.strictSame(lingers, [0, LINGER])
})

t.test('a drain finishes the mails under way and gives the others back at once', async (t) => {
  const { sql, settings } = await makeWorld(t)
  const waiting: (() => void)[] = []
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => void waiting.push(done)
  })
  const child = await startChild(t, { ...settings, SMTP_URL: url })
  const emails = Array.from({ length: 30 }, (_, nth) => `maya${nth}@example.com`)
  await Promise.all(emails.map((email) => child.api.requestOtp({ email })))
  await until(() => waiting[4])

  const ending = child.end('SIGINT')
  await doorShut(child.url)
  for (const goOn of waiting) goOn()
  const { by, seconds } = await ending
  const rows = await sql<{ state: string; back: boolean }>('select state, due_at <= now() as back from postern.mail')

  t.equal(by, 0)
  t.ok(seconds < 5, `${seconds} s`)
  t.equal(received.length, 5)
  t.equal(rows.filter(({ state }) => state === 'sent').length, 5)
  t.equal(rows.filter(({ state, back }) => state === 'queued' && back).length, 25)
})

t.test('mails that come from the table while it stops are given back too', async (t) => {
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => done(refusing(451, '4.3.0 later'))
  })
  const { api, sql, databaseUrl, stop } = await start(t, { SMTP_URL: url })
  for (const nth of [1, 2, 3]) await api.requestOtp({ email: `maya${nth}@example.com` })
  await until(async () => (await sql('select from postern.mail where answer is null')).length === 0)
  const holder = new pg.Client({ connectionString: databaseUrl })
  await holder.connect()
  await holder.query('begin; lock table postern.mail in access exclusive mode; update postern.mail set due_at = now()')
  const blocked = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%skip locked%'`
  await until(async () => (await sql(blocked)).length > 0)

  const stopping = stop()
  await holder.query('commit')
  await stopping
  await holder.end()
  const rows = await sql('select state, due_at <= now() as back from postern.mail')

  t.strictSame(rows, Array(3).fill({ state: 'queued', back: true }))
})

t.test('idle connections do not hold it, and a request under way is answered with a goodbye', async (t) => {
  const { settings } = await makeWorld(t)
  const child = await startChild(t, settings)
  const [idle, fresh, busy] = await Promise.all([
    rawSocket(t, child.url),
    rawSocket(t, child.url),
    rawSocket(t, child.url)
  ])
  idle.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => readAnswer(idle.said()))
  busy.write(post + body.slice(0, 5))
  await child.api.getLiveness()

  const ending = child.end('SIGINT')
  await doorShut(child.url)
  fresh.write('GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n')
  const late = await until(() => readAnswer(fresh.said()))
  busy.write(body.slice(5))
  const answer = await until(() => readAnswer(busy.said()))
  const { by, seconds } = await ending

  t.match(readAnswer(idle.said()), { status: 200 })
  t.match(late, { status: 404, text: /not-found/ })
  t.equal(late.headers.get('connection'), 'close')
  t.equal(answer.status, 202)
  t.equal(answer.headers.get('connection'), 'close')
  t.equal(by, 0)
  t.ok(seconds < 5, `${seconds} s`)
})

t.test('logins that wait for a thread are answered before it ends, and none is cut off', async (t) => {
  const { settings } = await makeWorld(t)
  const slow = { BCRYPT_COST: '14', HASH_THREADS: '1', CLIENT_LIMITS: 'off', METRICS_PORT: '0' }
  const child = await startChild(t, { ...settings, ...slow })
  const metricsUrl = await until(() => /metrics at (http[^"]+)/.exec(child.log())?.[1])

  const logins = Promise.all(
    Array.from({ length: 40 }, (_value, index) =>
      child.api.loginWithPassword({ email: `maya${index}@example.com`, password: 'sieben Zwetschgen im Korb' }).then(
        ({ status }) => status,
        () => 'cut off'
      )
    )
  )
  await until(async () => ((await scrape({ metricsUrl })).value('postern_hashes_waiting') ?? 0) > 30)
  const [statuses, { by }] = await Promise.all([logins, child.end('SIGINT')])

  t.ok(
    statuses.every((status) => status === 401 || status === 503),
    JSON.stringify(statuses)
  )
  t.ok(statuses.includes(503), 'more waited than there was time for')
  t.equal(by, 0)
})

t.test('a client that never finishes its request does not keep it from ending in order', async (t) => {
  const { sql, settings } = await makeWorld(t)
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => done(refusing(451, '4.3.0 later'))
  })
  const child = await startChild(t, { ...settings, SMTP_URL: url })
  const stalled = await rawSocket(t, child.url)
  stalled.write(post + body.slice(0, 5))
  await child.api.requestOtp({ email: 'maya@example.com' })

  const { by, seconds } = await child.end('SIGINT')

  t.equal(by, 0)
  t.ok(seconds < 15, `${seconds} s`)
  t.equal((await sql(`select from postern.mail where answer like '451%'`)).length, 1)
})

t.test('all that a drain waits for, one after the other, fits into its limit', async (t) => {
  t.ok(LINGER + CLOSING_PATIENCE + SEND_DEADLINE < DRAIN_LIMIT)
})
