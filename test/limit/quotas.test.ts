import t from 'tap'
import { start, until } from '../helper.ts'
import { rawSocket, readAnswer } from '../raw-socket.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'

t.test('one request too many is told how many there may be and when to come again', async (t) => {
  const { api } = await start(t, LIMITED)
  const resend = () => api.resendOtp({ challenge: 'chl_made-up' })

  const first = await resend()
  const others = await askTimes(29, resend)
  const refused = await resend()

  t.strictSame(tally([first, ...others]), { 401: 30 })
  t.match(Object.fromEntries(first.headers), {
    'ratelimit-limit': '30',
    'ratelimit-remaining': '29',
    'ratelimit-reset': '60'
  })
  t.equal(refused.status, 429)
  t.match(refused.problem, {
    code: 'too-many-requests',
    detail: 'resendOtp is limited to 30 requests a minute per IP address.'
  })
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(wait >= 50 && wait <= 60, `the window ends in ${wait} s`)
  t.match(Object.fromEntries(refused.headers), { 'ratelimit-limit': '30', 'ratelimit-remaining': '0' })
})

t.test('who signs out with a cookie that is none is counted by IP address, and told so', async (t) => {
  const { api } = await start(t, LIMITED)

  const { status, headers } = await api.logout(undefined, {
    headers: { origin: 'http://localhost:3000', cookie: '__Host-postern_refresh=made-up' }
  })

  t.equal(status, 204)
  t.equal(headers.get('ratelimit-limit'), '60')
})

t.test('each operation has a bucket of its own', async (t) => {
  const world = await start(t, LIMITED)
  await askTimes(31, () => ask(world, '127.0.0.1'))

  const other = await world.api.verifyOtp({ challenge: 'chl_made-up', code: '123456' })
  const same = await world.api.resendOtp({ challenge: 'chl_made-up' })

  t.equal(other.status, 401)
  t.equal(same.status, 429)
})

t.test('no spelling of a path leads out of the bucket', async (t) => {
  const { api, url } = await start(t, LIMITED)
  await askTimes(31, () => api.resendOtp({ challenge: 'chl_made-up' }))
  const body = '{"challenge":"chl_made-up"}'
  const head = `Host: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  const paths = `/v1/otp/resend?x=1 /v1/otp/%72esend /v1/%6ftp/resend#x //v1/otp/resend /v1//otp/resend /v1/./otp/resend
    /v1/x/%2e%2e/otp/resend /v1/x/../otp/resend /V1/otp/resend /v1/otp/Resend /v1/otp/resend/ /v1/otp/resend;x
    /v1/otp%2fresend ${url}/v1/otp/resend`.split(/\s+/)

  for (const path of paths) {
    const socket = await rawSocket(t, url)
    socket.write(`POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`)
    const { status } = await until(() => readAnswer(socket.said()))

    t.ok([429, 404, 400].includes(status), `${path}: ${status}`)
  }
})

t.test('probes are never told to wait, and without limits nobody is', async (t) => {
  const limited = await start(t, LIMITED)
  const free = await start(t, { LOG_LEVEL: 'warn' })

  const probes = await askTimes(400, async () => {
    const { statusCode } = await limited.app.inject('/livez')
    return { status: statusCode }
  })
  const unlimited = await askTimes(400, () => ask(free))

  t.strictSame(tally(probes), { 200: 400 })
  t.strictSame(tally(unlimited), { 401: 400 })
  t.equal(unlimited[0]?.headers['ratelimit-limit'], undefined)
})

t.test('where an account’s own limit refuses, nothing is said of the client’s', async (t) => {
  const { api } = await start(t, LIMITED)
  const { body, headers } = await api.requestOtp({ email: 'maya@example.com' })

  const soon = await api.resendOtp({ challenge: body.challenge })

  t.equal(headers.get('ratelimit-remaining'), '29')
  t.match(soon, { status: 429, problem: { detail: 'The code was mailed a moment ago.' } })
  t.equal(soon.headers.get('ratelimit-remaining'), null)
})
