import t from 'tap'
import { start } from '../helper.ts'

const ours = 'https://app.example.com'
const settings = { CORS_ORIGINS: `${ours}, http://localhost:5173` }

/** The CORS headers of an answer. */
function corsOf(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-')))
}

/** What a browser asks before it sends a request that a form could not send. */
const preflight = (url: string, origin: string, method = 'POST') =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type,idempotency-key'
    }
  })

t.test('a preflight of a listed origin is allowed what the contract needs, and kept by the browser', async (t) => {
  const { url } = await start(t, settings)

  const answer = await preflight(`${url}/v1/otp`, ours)

  t.equal(answer.status, 204)
  t.strictSame(corsOf(answer), {
    'access-control-allow-origin': ours,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers':
      'Authorization, Content-Type, Idempotency-Key, X-Request-Id, traceparent, tracestate, baggage',
    'access-control-expose-headers':
      'X-Request-Id, WWW-Authenticate, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset',
    'access-control-max-age': '7200'
  })
  t.match(answer.headers.get('vary'), /origin/i)
})

t.test('the web view of an app has an origin like any other, when it is listed', async (t) => {
  const origin = 'capacitor://localhost'
  const { url } = await start(t, { CORS_ORIGINS: origin })

  const answer = await preflight(`${url}/v1/otp`, origin)

  t.equal(answer.status, 204)
  t.match(corsOf(answer), { 'access-control-allow-origin': origin })
  const cookie = await fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { origin, 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'maya@example.com', password: 'whatever it may be', session_transport: 'cookie' })
  })
  t.equal(((await cookie.json()) as { code: string }).code, 'origin-rejected', 'it would not keep the cookie')
})

t.test('answers and refusals alike can be read from a listed origin', async (t) => {
  const { url } = await start(t, settings)
  const origin = 'http://localhost:5173'
  const readable = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }

  const keys = await fetch(`${url}/.well-known/jwks.json`, { headers: { origin } })
  const refused = await fetch(`${url}/v1/session`, { headers: { origin } })
  const invalid = await fetch(`${url}/v1/otp`, { method: 'POST', headers: { origin } })
  const unknown = await fetch(`${url}/v1/nothing`, { headers: { origin } })

  t.strictSame(
    [keys, refused, invalid, unknown].map(({ status }) => status),
    [200, 401, 400, 404]
  )
  for (const answer of [keys, refused, invalid, unknown]) t.match(corsOf(answer), readable)
  t.match(corsOf(refused)['access-control-expose-headers'], /WWW-Authenticate/)
})

t.test('an origin that only looks like a listed one gets nothing', async (t) => {
  const { url } = await start(t, settings)
  const strangers = [
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://APP.example.com',
    `${ours}/`,
    'null',
    '*'
  ]

  for (const origin of strangers) {
    const asked = await preflight(`${url}/v1/otp`, origin)
    const answer = await fetch(`${url}/.well-known/jwks.json`, { headers: { origin } })

    t.equal(asked.status, 405, origin)
    t.strictSame([corsOf(asked), corsOf(answer)], [{}, {}], origin)
    t.match(answer.headers.get('vary'), /origin/i, 'a cache between must not mix origins up')
  }
})

t.test('without a list no answer speaks of origins', async (t) => {
  const { url } = await start(t)

  const asked = await preflight(`${url}/v1/otp`, ours)
  const answer = await fetch(`${url}/.well-known/jwks.json`, { headers: { origin: ours } })

  t.equal(asked.status, 405)
  t.strictSame([corsOf(asked), corsOf(answer), answer.headers.get('vary')], [{}, {}, null])
})

t.test('an OPTIONS that is no preflight is refused as before, and so is an unknown path', async (t) => {
  const { url } = await start(t, settings)

  const plain = await fetch(`${url}/v1/otp`, { method: 'OPTIONS', headers: { origin: ours } })
  const nameless = await fetch(`${url}/v1/otp`, { method: 'OPTIONS' })
  const unknown = await fetch(`${url}/v1/nothing`, { method: 'OPTIONS', headers: { origin: ours } })
  const wrongMethod = await fetch(`${url}/v1/nothing`, { method: 'DELETE', headers: { origin: ours } })
  const withBody = await fetch(`${url}/v1/otp`, { method: 'OPTIONS', headers: { origin: ours }, body: 'a=b' })

  t.strictSame([plain.status, plain.headers.get('allow')], [405, 'POST'])
  t.strictSame([nameless.status, withBody.status], [405, 405])
  t.strictSame([unknown.status, wrongMethod.status], [404, 404])
  for (const answer of [plain, nameless, unknown, withBody])
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
})
