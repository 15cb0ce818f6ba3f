import { mock } from 'node:test'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { AnswerLog } from '../../src/http/answer-log.ts'
import { ownServer } from '../db/own-server.ts'
import { newKey, start, startInstance, until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { ask, askTimes } from '../limit/asking.ts'

type Line = {
  msg: string
  reason?: string
  status?: number
  code?: string
  limit?: string
  route?: string | null
  refusals?: number
  outages?: number
}

const lines = (log: string[]) => log.map((line) => JSON.parse(line) as Line)
const answers = (log: string[], status: number) =>
  lines(log).filter((line) => line.msg === 'answered' && line.status === status).length

/** So many requests, a few at a time, while the clock that counts seconds stands still. */
async function inOneSecond(t: Test, times: number, request: (nth: number) => Promise<unknown>) {
  jumpAhead(t, 0)
  for (let round = 0; round < times / 10; round++)
    await Promise.all(Array.from({ length: 10 }, (_, nth) => request(round * 10 + nth)))
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve)) // a line follows its answer
}

/** So many requests for what is not there. */
async function flood(t: Test, times: number, settings = {}) {
  const { url, log, stop } = await start(t, { LOG_LEVEL: 'info', ...settings })
  await inOneSecond(t, times, async () => (await fetch(`${url}/not-here`)).arrayBuffer())
  return { log, stop }
}

const refusalsTold = (log: string[]) =>
  lines(log)
    .filter(({ msg }) => msg === 'too many refusals to log each of them')
    .map(({ refusals }) => refusals)

t.test('a flood of refusals has a hundred lines a second, and one at the end that counts the others', async (t) => {
  const { log, stop } = await flood(t, 300)
  await stop()

  t.equal(answers(log, 404), 100)
  t.strictSame(refusalsTold(log), [200])
})

t.test('who wants no lines of refusals is not told of those that had none', async (t) => {
  const { log, stop } = await flood(t, 300, { LOG_LEVEL: 'warn' })
  await stop()

  t.strictSame(refusalsTold(log), [])
})

t.test('what had no line is told after a minute, and each minute while it goes on', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  jumpAhead(t, 0)
  const log: string[] = []
  const answers = new AnswerLog(pino({}, { write: (line) => void log.push(line) }), () => false)
  const refuse = (times: number) => {
    for (let nth = 0; nth < times; nth++) answers.refused(`${nth}`, 400, 'invalid-request')
  }

  refuse(130)
  mock.timers.tick(60_000)
  mock.timers.tick(60_000)
  refuse(5)
  mock.timers.tick(59_000)
  const before = refusalsTold(log)
  mock.timers.tick(1000)

  t.strictSame(before, [30])
  t.strictSame(refusalsTold(log), [30, 5])
})

t.test('a shutdown that refuses many at once is no alarm', async (t) => {
  const told = (draining: boolean) => {
    const lines: { level: number }[] = []
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) })
    const answers = new AnswerLog(log, () => draining)
    for (let nth = 0; nth < 250; nth++) {
      const request = { log, method: 'POST', headers: {}, routeOptions: { url: '/v1/login' } } as never
      answers.unavailable(request, {}, 'a dependency is not available')
      answers.answered(request, { statusCode: 503, elapsedTime: 7000 } as never)
    }
    answers.tell()
    return lines.filter(({ level }) => level >= 50).length // pino's number of `error`
  }

  t.ok(told(false) > 100)
  t.equal(told(true), 0)
})

t.test('the next second has lines again, and where refusals have no lines none is counted', async (t) => {
  jumpAhead(t, 0)
  const log: string[] = []
  const to = { write: (line: string) => void log.push(line) }
  const [loud, quiet] = (['info', 'warn'] as const).map((level) => new AnswerLog(pino({ level }, to), () => false)) as [
    AnswerLog,
    AnswerLog
  ]
  const refuse = (answers: AnswerLog) => {
    for (let nth = 0; nth < 130; nth++) answers.refused(`${nth}`, 400, 'invalid-request')
  }

  refuse(quiet)
  quiet.tell()
  t.strictSame(log, [])
  refuse(loud)
  t.equal(answers(log, 400), 100)
  jumpAhead(t, 1)
  refuse(loud)
  t.equal(answers(log, 400), 200)
})

t.test('at debug every answer has a line', async (t) => {
  const { log } = await flood(t, 300, { LOG_LEVEL: 'debug' })

  t.equal(answers(log, 404), 300)
})

t.test(
  'of an outage a hundred 503s a second have lines, each with its reason, whatever is refused beside',
  async (t) => {
    const server = await ownServer(t)
    const settings = { SECRET_KEYS: newKey(), LOG_LEVEL: 'info' }
    const { url, api, log, stop } = await startInstance(t, server.url, settings)
    await server.stopImmediately()
    const statuses = new Set<number>()

    await inOneSecond(t, 300, async (nth) => {
      if (nth % 30 === 0) await (await fetch(`${url}/not-here`)).arrayBuffer()
      else if (nth % 30 === 1) statuses.add((await api.getReadiness()).status)
      else statuses.add((await api.requestOtp({ email: `maya${nth}@example.com` })).status)
    })
    await stop()

    t.strictSame([...statuses], [503])
    t.equal(answers(log, 503), 100)
    const reasons = lines(log).filter(
      ({ msg, reason }) => msg === 'the database is not available' && reason !== undefined
    )
    t.ok(reasons.length > 90 && reasons.length <= 100, `${reasons.length}: all but those of /readyz, which has one`)
    t.equal(answers(log, 404), 10)
    t.strictSame(
      lines(log)
        .filter(({ msg }) => msg === 'too many 503s to log each of them')
        .map(({ outages }) => outages),
      [190]
    )
  }
)

t.test(
  'the log tells why, and which path was called with a wrong method, but nothing of one that is not ours',
  async (t) => {
    const { url, api, log } = await start(t, { LOG_LEVEL: 'info' })

    await fetch(`${url}/problems/x`, { method: 'PUT' })
    await fetch(`${url}/secret?in=it`)
    await api.getSession()

    const told = await until(() => {
      const refusals = lines(log).filter(({ msg }) => msg === 'answered')
      return refusals.length === 3 && refusals.map(({ route, status, code }) => [status, code, route])
    })
    t.strictSame(told, [
      [405, 'method-not-allowed', '/problems/:code'],
      [404, 'not-found', null],
      [401, 'session-rejected', '/v1/session']
    ])
  }
)

t.test('the line of a 429 tells which limit refused', async (t) => {
  const world = await start(t, { CLIENT_LIMITS: 'on' })
  const { api, log, signIn } = world
  const { access_token: bearer } = (await signIn('ines@example.com')).body

  const { challenge } = (await api.requestOtp({ email: 'maya@example.com' })).body
  await api.resendOtp({ challenge })
  for (let nth = 1; nth <= 5; nth++) await api.requestOtp({ email: 'maya@example.com' })
  for (let nth = 1; nth <= 5; nth++) await api.requestPasswordReset({ email: 'noor@example.com' })
  await api.requestPasswordReset({ email: 'noor@example.com' })
  await askTimes(61, () => api.listSessions({ bearer }))
  await askTimes(31, () => ask(world, '192.0.2.1'))
  await askTimes(301, (nth) => ask(world, `2001:db8:1:${nth.toString(16)}::1`))

  const told = await until(() => {
    const refusals = lines(log).filter(({ msg, status }) => msg === 'answered' && status === 429)
    return refusals.length === 6 && refusals.map(({ route, limit }) => `${route} ${limit}`).sort()
  })
  t.strictSame(told, [
    '/v1/me/sessions session',
    '/v1/otp lane',
    '/v1/otp/resend client',
    '/v1/otp/resend code',
    '/v1/otp/resend network',
    '/v1/password/forgot lane'
  ])
  t.notOk(lines(log).some(({ status, limit }) => status !== 429 && limit !== undefined))
})
