import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.ts'
import { DatabaseUnavailable } from '../../src/db/failure.ts'
import { transaction } from '../../src/db/statement.ts'
import type { Answer } from '../contract-client.ts'
import { newKey, type Running, start, startInstance, until } from '../helper.ts'
import { ownServer } from './own-server.ts'

const terminateAll = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`

/** Runs until it is told to stop, and notes each answer; a lost connection to the service itself would be an error. */
function load(t: Test, workers: number, turn: (worker: number, nth: number) => Promise<Answer[]>) {
  const answers: Answer[] = []
  let going = true
  const work = async (worker: number) => {
    for (let nth = 0; going; nth++) answers.push(...(await turn(worker, nth)))
  }
  const done = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  const stop = async () => {
    going = false
    await done
    return answers
  }
  t.teardown(stop)
  return { answers, stop }
}

const codeOf = ({ ctx }: Running, challenge: string): string => {
  const read = ctx.secrets.readChallenge(challenge)
  return read === undefined ? '' : ctx.secrets.code(read)
}

t.test(
  'Postgres stopped at once and started again under load: nothing acknowledged is lost, 503 meanwhile',
  async (t) => {
    const server = await ownServer(t)
    const running = await startInstance(t, server.url, { SECRET_KEYS: newKey() })
    const { api } = running
    const challenges: string[] = []
    const sessions: { access: string; refresh: string }[] = []
    const asking = load(t, 4, async (worker, nth) => {
      const asked = await api.requestOtp({ email: `asks${worker}-${nth}@example.com` })
      if (asked.status === 202) challenges.push(asked.body.challenge)
      return [asked]
    })
    const signingIn = load(t, 4, async (worker, nth) => {
      const asked = await api.requestOtp({ email: `signs${worker}-${nth}@example.com` })
      if (asked.status !== 202) return [asked]
      const { challenge } = asked.body
      const verified = await api.verifyOtp({ challenge, code: codeOf(running, challenge) })
      if (verified.status !== 200) return [verified]
      const { access_token: access, refresh_token: refresh } = verified.body
      const session = { access, refresh }
      sessions.push(session)
      const refreshed = await api.refreshSession({ refresh_token: refresh })
      if (refreshed.status === 200) session.refresh = refreshed.body.refresh_token
      return [asked, verified, refreshed]
    })
    const count = () => asking.answers.length + signingIn.answers.length
    await until(() => sessions.length > 20)

    await server.stopImmediately()
    const before = { challenges: challenges.length, sessions: sessions.length }
    const soFar = count()
    const unready = await until(async () => {
      const answer = await api.getReadiness()
      return answer.status === 503 ? answer : undefined
    })
    const alive = await api.getLiveness()
    await until(() => count() > soFar + 50)
    await server.startAgain()
    await until(() => sessions.length > before.sessions + 20)
    const answers = [...(await asking.stop()), ...(await signingIn.stop())]

    const refused = answers.filter(({ status }) => status >= 400)
    t.ok(refused.length > 50, `${refused.length} refusals`)
    for (const { status, problem, headers } of refused)
      if (status !== 503 || problem.code !== 'unavailable' || !(Number(headers.get('retry-after')) > 0))
        t.fail('an outage is told as anything but 503', { status, problem })
    t.match(unready, { status: 503, body: { checks: { database: { ok: false } } } })
    t.equal(alive.status, 200)
    await until(async () => (await api.getReadiness()).status === 200)
    const lost = async <T>(items: T[], lives: (item: T) => Promise<Answer>) => {
      let gone = 0
      for (const item of items) if ((await lives(item)).status !== 200) gone += 1
      return gone
    }
    t.ok(before.challenges > 20 && challenges.length > before.challenges)
    t.equal(await lost(challenges, (challenge) => api.verifyOtp({ challenge, code: codeOf(running, challenge) })), 0)
    t.equal(await lost(sessions, ({ access }) => api.getSession({ bearer: access })), 0)
    t.equal(await lost(sessions, ({ refresh }) => api.refreshSession({ refresh_token: refresh })), 0)
  }
)

t.test('killed connections never end the process; the next request is served', async (t) => {
  const { api, sql, signIn } = await start(t)
  const { access_token: bearer } = (await signIn('maya@example.com')).body
  const checking = load(t, 8, async () => [await api.getSession({ bearer })])

  for (let round = 0; round < 20; round++) {
    await sql(terminateAll)
    const had = checking.answers.length
    await until(() => checking.answers.length > had + 20)
  }
  const answers = await checking.stop()
  await sql(terminateAll)
  const after = await until(async () => {
    const answer = await api.getSession({ bearer })
    return answer.status === 200 ? answer : undefined
  }, 2)

  const statuses = new Set(answers.map(({ status }) => status))
  t.strictSame([...statuses].sort(), [200, 503])
  t.equal(after.status, 200)
})

t.test('a pool of one connection serves 50 sign-ins at once', async (t) => {
  const { api, signIn, sql } = await start(t, { DATABASE_POOL_SIZE: '1' })
  const emails = Array.from({ length: 50 }, (_, nth) => `maya${nth}@example.com`)

  const signedIn = await Promise.all(emails.map((email) => signIn(email)))
  const checked = await Promise.all(signedIn.map(({ body }) => api.getSession({ bearer: body.access_token })))
  const refreshed = await Promise.all(
    signedIn.map(({ body }) => api.refreshSession({ refresh_token: body.refresh_token }))
  )
  const connections = await sql(`select from pg_stat_activity
    where datname = current_database() and application_name = 'postern'`)

  t.ok([...signedIn, ...checked, ...refreshed].every(({ status }) => status === 200))
  t.equal(connections.length, 1)
})

t.test('a server that falls silent costs a request seconds, not the service', async (t) => {
  const server = await ownServer(t)
  const running = await startInstance(t, server.url, { SECRET_KEYS: newKey(), DATABASE_STATEMENT_TIMEOUT: '1' })
  const { api } = running
  await Promise.all(Array.from({ length: 10 }, (_, nth) => api.requestOtp({ email: `maya${nth}@example.com` })))

  const wake = await server.freeze()
  const begun = performance.now()
  const asked = Array.from({ length: 15 }, () => api.requestOtp({ email: 'maya@example.com' }))
  const answers = await Promise.all(asked)
  const seconds = (performance.now() - begun) / 1000
  wake()
  const after = await until(async () => {
    const answer = await api.requestOtp({ email: 'ines@example.com' })
    return answer.status === 202 ? answer : undefined
  })

  t.strictSame([...new Set(answers.map(({ status }) => status))], [503])
  t.ok(seconds < 8, `${seconds} s`)
  t.equal(after.status, 202)
})

t.test('a transaction that meets silence does not wait for its rollback too', async (t) => {
  const server = await ownServer(t)
  const options = { poolSize: 1, statementTimeout: 1, prepared: true, onIdleError: () => undefined }
  const db = connect({ url: server.url, ...options })
  t.teardown(() => db.destroy())
  let wake = (): void => undefined
  let begun = 0

  const failure = await transaction(db, async (tx) => {
    await sql`select 1`.execute(tx)
    wake = await server.freeze()
    begun = performance.now()
    await sql`select 2`.execute(tx)
  }).catch((error: Error) => error)
  const seconds = (performance.now() - begun) / 1000
  wake()

  t.ok(failure instanceof DatabaseUnavailable)
  t.ok(seconds < 5, `${seconds} s`)
})

t.test('a start without a database ends at once, with a reason and without the password', async (t) => {
  const begun = performance.now()

  const failed = startInstance(t, 'postgres://postern:hunter2@127.0.0.1:1/postern').catch((error: Error) => error)

  t.match(await failed, { message: /^((?!hunter2).)*ECONNREFUSED/ })
  t.ok(performance.now() - begun < 5000)
})

t.test('a connection that breaks at rest is told to the operator, and the next request is served', async (t) => {
  const { sql, log, api } = await start(t)

  await sql(`${terminateAll} and application_name = 'postern'`)

  await until(() => log.some((line) => line.includes('an idle database connection broke')))
  t.equal((await api.requestOtp({ email: 'maya@example.com' })).status, 202)
})
