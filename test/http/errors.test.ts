import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/http/app.ts'
import { problemCodes, problems } from '../../src/problems.ts'
import { type Running, start, until } from '../helper.ts'
import { rawSocket, readAnswer } from '../raw-socket.ts'

const contract = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, object>>
}
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY']

/** Sends JSON, or nothing, and reads the answer whatever it is. */
async function send({ url }: { url: string }, method: string, path: string, body?: unknown, headers = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const text = await response.text()
  const problem =
    response.headers.get('content-type') === 'application/problem+json' && text ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, problem }
}

/** One refusal of each kind that a client can bring about. */
async function refusals(running: Running) {
  const asked = (await running.api.requestOtp({ email: 'maya@example.com' })).body.challenge
  return {
    'invalid-request': await send(running, 'POST', '/v1/otp', { email: 'maya' }),
    'code-rejected': await send(running, 'POST', '/v1/otp/verify', { challenge: 'chl_made-up', code: '123456' }),
    'session-rejected': await send(running, 'GET', '/v1/session'),
    'refresh-rejected': await send(running, 'POST', '/v1/session/refresh', { refresh_token: 'rfr_made-up' }),
    'not-found': await send(running, 'GET', '/v1/nothing'),
    'method-not-allowed': await send(running, 'GET', '/v1/otp'),
    'payload-too-large': await send(running, 'POST', '/v1/otp', 'a'.repeat(17_000)),
    'unsupported-media-type': await send(running, 'POST', '/v1/otp', {}, { 'content-type': 'text/plain' }),
    'too-many-requests': await send(running, 'POST', '/v1/otp/resend', { challenge: asked })
  }
}

t.test(
  'every refusal has the members of RFC 9457, an id to tell the operator, and a page behind its type',
  async (t) => {
    const running = await start(t)

    const all = await refusals(running)

    for (const [code, { status, headers, problem }] of Object.entries(all)) {
      const { title, status: expected } = problems[code as keyof typeof all]
      const page = await fetch(new URL(problem.type, running.url))
      t.strictSame(
        { status, title: problem.title, inBody: problem.status, type: problem.type, code: problem.code },
        { status: expected, title, inBody: expected, type: `/problems/${code}`, code }
      )
      t.match(problem.detail, /^\S.{10,}/, `${code} says what to do`)
      t.equal(problem.instance, `urn:uuid:${headers.get('x-request-id')}`)
      t.match(headers.get('x-request-id'), uuidV7)
      t.equal(headers.get('cache-control'), 'no-store')
      t.match([page.status, await page.text()], [200, new RegExp(`<code>${code}</code>`)])
    }
    t.match(all['invalid-request'].problem.errors, [{ pointer: '/email', detail: /address/ }])
    for (const code of ['payload-too-large', 'unsupported-media-type'] as const)
      t.equal(all[code].problem.detail, problems[code].help)
    t.match(all['too-many-requests'].headers.get('retry-after'), /^[1-9]\d*$/)
    t.strictSame(
      Object.entries(all).filter(([, { headers }]) => headers.get('www-authenticate')?.startsWith('Bearer')),
      [['session-rejected', all['session-rejected']]],
      'generic clients refresh on Bearer, so nothing else says that'
    )
  }
)

t.test('every code of the catalogue has a page, and the overview names them all', async (t) => {
  const running = await start(t)

  const overview = await send(running, 'GET', '/problems')
  const pages = await Promise.all(problemCodes.map((code) => send(running, 'GET', `/problems/${code}`)))
  const unknown = await send(running, 'GET', '/problems/nothing-of-ours')

  for (const [nth, code] of problemCodes.entries()) {
    t.equal(pages[nth]?.status, 200)
    t.match(pages[nth]?.headers.get('content-type'), /^text\/html/)
    t.match(overview.text, new RegExp(`href="/problems/${code}"`))
  }
  t.match(unknown, { status: 404, problem: { code: 'not-found' } })
})

t.test('paths are exact', async (t) => {
  const running = await start(t)

  for (const path of [
    '/v1/Otp',
    '/V1/otp',
    '/v1/otp/',
    '//v1/otp',
    '/v1//otp',
    '/v1',
    '/v1/otp/../session',
    '/v1/me/sessions/'
  ]) {
    const answer = await rawSocket(t, running.url)
    answer.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)
    t.match(await until(() => readAnswer(answer.said())), { status: 404, text: /"not-found"/ }, path)
  }
  t.equal((await send(running, 'GET', `/problems/${'x'.repeat(500)}`)).status, 404, 'nor is there one so long')
  t.equal((await send(running, 'DELETE', '/v1/me/sessions/')).status, 404, 'no id is none that could be refused')
})

t.test('a wrong method is 405 on every path, with the right ones in Allow', async (t) => {
  const running = await start(t)
  const pages = [
    '/problems',
    '/problems/{code}',
    '/dev/inbox.json',
    '/openapi.json',
    '/docs',
    '/docs/',
    '/docs/static/index.css'
  ]
  const hidden = Object.fromEntries(pages.map((path) => [path, { get: {} }]))

  for (const [path, operations] of Object.entries({ ...contract.paths, ...hidden })) {
    const known = Object.keys(operations).map((method) => method.toUpperCase())
    const allowed = known.includes('GET') ? ['HEAD', ...known] : known
    for (const method of methods.filter((candidate) => !allowed.includes(candidate))) {
      const { status, headers } = await send(running, method, path.replace(/\{\w+\}/, 'x'))
      t.equal(status, 405, `${method} ${path}`)
      t.strictSame(headers.get('allow')?.split(', ').sort(), [...allowed].sort())
    }
  }
  for (const [body, type] of [
    ['{', 'application/json'],
    ['a=b', 'application/x-www-form-urlencoded'],
    ['a'.repeat(17_000), 'text/plain']
  ] as const) {
    const put = (path: string) => fetch(running.url + path, { method: 'PUT', body, headers: { 'content-type': type } })
    const { status, headers } = await put('/v1/otp')
    t.strictSame([status, headers.get('allow')], [405, 'POST'], 'whatever came along')
    t.equal((await put('/v1/nothing')).status, 404, 'whatever came along')
  }
})

t.test('every answer bears a request id of ours; one that comes in is logged and not used', async (t) => {
  const running = await start(t)
  const theirs = { 'x-request-id': 'theirs-1' }

  const answers = [
    await send(running, 'GET', '/livez', undefined, theirs),
    await send(running, 'GET', '/v1/nothing', undefined, theirs),
    await send(running, 'GET', '/v1/otp', undefined, theirs),
    await send(running, 'GET', '/.well-known/jwks.json', undefined, theirs),
    await send(running, 'POST', '/v1/otp', { email: 'maya@example.com' }, theirs)
  ]

  const ids = answers.map(({ headers }) => headers.get('x-request-id') ?? '')
  for (const id of ids) t.match(id, uuidV7)
  t.equal(new Set(ids).size, ids.length)
  const lines = running.log.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const id of ids)
    t.match(
      lines.find((line) => line.request_id === id),
      { client_request_id: 'theirs-1' }
    )
  t.equal(answers.at(-1)?.headers.get('cache-control'), 'no-store')
  t.equal(answers.at(-2)?.headers.get('cache-control'), 'public, max-age=300')
})

t.test('a request id that may be an address or a token of ours is not logged', async (t) => {
  const running = await start(t)
  const odd = ['maya@example.com', 'rst_GBbAKgxGBbAKgx', 'x'.repeat(65)]

  for (const id of odd) await send(running, 'GET', '/livez', undefined, { 'x-request-id': id })

  const answered = await until(() => {
    const lines = running.log.filter((line) => line.includes('"route":"/livez"'))
    return lines.length === odd.length && lines.join('')
  })
  t.notMatch(answered, 'client_request_id')
})

t.test('a probe in HTTP/1.0, which knows no Host, is answered', async (t) => {
  const { url } = await start(t)

  t.match(await answerTo(t, url, 'GET /livez HTTP/1.0\r\n\r\n'), { status: 200 })
})

async function answerTo(t: Test, url: string, bytes: string) {
  const socket = await rawSocket(t, url)
  socket.write(bytes)
  return await until(() => readAnswer(socket.said()))
}

t.test('what is no proper HTTP is refused as a problem too', async (t) => {
  const { url, log } = await start(t, { LOG_LEVEL: 'info' })
  const cases: [string, number, string][] = [
    ['\u0016\u0003\u0001 garbage\r\n\r\n', 400, 'invalid-request'],
    ['GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'invalid-request'],
    ['GET /livez HTTP/1.1\r\n\r\n', 400, 'invalid-request'],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400, 'invalid-request'],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n', 400, 'invalid-request'],
    ['GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'invalid-request'],
    [
      'POST /v1/otp HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'invalid-request'
    ],
    ['POST /v1/otp HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n', 400, 'invalid-request'],
    [`GET /livez HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(17_000)}\r\n\r\n`, 431, 'headers-too-large'],
    [`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'headers-too-large']
  ]

  for (const [bytes, status, code] of cases) {
    const answer = await answerTo(t, url, bytes)
    const id = answer.headers.get('x-request-id')
    t.equal(answer.status, status, bytes.slice(0, 40))
    t.match(JSON.parse(answer.text), { status, code, type: `/problems/${code}`, instance: `urn:uuid:${id}` })
    if (code === 'invalid-request')
      t.match(
        JSON.parse(answer.text).errors,
        [{ pointer: String, detail: /HTTP|Host|Expect|component|is missing/i }],
        'it says what is wrong'
      )
    t.match(id, uuidV7)
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    const line = await until(() => log.find((one) => one.includes(`"request_id":"${id}"`)))
    t.match(JSON.parse(line), { level: 'info', status, msg: 'answered' }, 'who is told the id finds it in the log')
  }
  for (const host of ['localhost:3000', '[::1]:3000', 'münchen.example'.normalize(), ''])
    t.equal(
      (await answerTo(t, url, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status,
      host.includes('ü') ? 400 : 200,
      host
    )
})

t.test('headers and bodies that do not come to an end are 408', async (t) => {
  const { ctx } = await start(t)
  const app = await buildApp(ctx, { ready: async () => ({ status: 'ready', checks: {} }), inbox: undefined })
  t.teardown(() => app.close())
  const limits = { headers: app.server.headersTimeout, request: app.server.requestTimeout }
  Object.assign(app.server, { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 })
  const url = await app.listen({ port: 0 })
  const stubborn = { allowHalfOpen: true } // never closes its own end
  const [header, body] = await Promise.all([rawSocket(t, url, stubborn), rawSocket(t, url, stubborn)])
  const open = () => new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))

  header.write('GET /livez HTTP/1.1\r\nHost: x\r\nA: ')
  body.write('POST /v1/otp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{')
  const answers = await Promise.all([header, body].map((socket) => until(() => readAnswer(socket.said()))))

  for (const answer of answers) t.match(answer, { status: 408, text: /"request-timeout"/ })
  t.match(limits, { headers: 10_000, request: 15_000 })
  await until(async () => (await open()) === 0)
})

t.test('a fault of ours is 500 with the request id, and tells nothing else', async (t) => {
  const running = await start(t)
  await running.sql('alter table postern.mail rename to lost')

  const answer = await send(running, 'POST', '/v1/otp', { email: 'maya@example.com' })

  const id = answer.headers.get('x-request-id')
  t.equal(answer.status, 500)
  t.strictSame(answer.problem, {
    type: '/problems/internal',
    title: problems.internal.title,
    status: 500,
    detail: problems.internal.help,
    instance: `urn:uuid:${id}`,
    code: 'internal'
  })
  t.ok(running.log.some((line) => line.includes(`${id}`) && line.includes('"level":"error"')))
  t.notOk(running.log.some((line) => line.includes('maya@example.com')))
})
