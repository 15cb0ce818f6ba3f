import { gzipSync } from 'node:zlib'
import t from 'tap'
import { start } from '../helper.ts'

const json = { 'content-type': 'application/json' }

async function post(url: string, path: string, body: string | Uint8Array | undefined, headers: Record<string, string>) {
  const response = await fetch(url + path, { method: 'POST', headers, ...(body !== undefined && { body }) })
  return { status: response.status, problem: JSON.parse(await response.text()) }
}

t.test('JSON in UTF-8 is understood, however its type is spelled', async (t) => {
  const { url } = await start(t)
  const types = ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']

  for (const type of types) {
    const { status } = await post(url, '/v1/otp', '{"email":"maya@example.com"}', { 'content-type': type })
    t.equal(status, 202, type)
  }
})

t.test('every other type is 415, and so is a body without one', async (t) => {
  const { url } = await start(t)
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/problem+json',
    'application/jsonx',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json, text/plain'
  ]
  const body = new TextEncoder().encode('{"email":"maya@example.com"}') // bytes: fetch adds no type of its own

  const answers = await Promise.all(types.map((type) => post(url, '/v1/otp', body, { 'content-type': type })))
  const untyped = await post(url, '/v1/otp', body, {})

  for (const [nth, answer] of [...answers, untyped].entries())
    t.match(answer, { status: 415, problem: { code: 'unsupported-media-type' } }, types[nth] ?? 'without a type')
})

t.test('a body that is compressed is 415 and not called bad JSON', async (t) => {
  const { url } = await start(t)
  const text = '{"email":"maya@example.com"}'

  const packed = await post(url, '/v1/otp', gzipSync(text), { ...json, 'content-encoding': 'gzip' })
  const plain = await post(url, '/v1/otp', text, { ...json, 'content-encoding': 'identity' })

  t.match(packed, { status: 415, problem: { code: 'unsupported-media-type', detail: /Content-Encoding/ } })
  t.equal(plain.status, 202)
})

t.test('a body of 16 KiB is read, one byte more is 413', async (t) => {
  const { url } = await start(t)
  const padded = (bytes: number) => '{"email":"maya@example.com"}'.padEnd(bytes, ' ')

  const fits = await post(url, '/v1/otp', padded(16 * 1024), json)
  const over = await post(url, '/v1/otp', padded(16 * 1024 + 1), json)
  const far = await post(url, '/v1/otp', padded(1024 * 1024), json)

  t.equal(fits.status, 202)
  t.match(over, { status: 413, problem: { code: 'payload-too-large' } })
  t.match(far, { status: 413, problem: { code: 'payload-too-large' } })
})

t.test('what is no JSON, or could be read in two ways, is 400', async (t) => {
  const { url, sql } = await start(t)
  const bodies: [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['white space', ' \n'],
    ['cut off', '{"email":"maya@example.com"'],
    ['single quotes', "{'email':'maya@example.com'}"],
    ['a trailing comma', '{"email":"maya@example.com",}'],
    ['a comment', '{"email":"maya@example.com"} // hello'],
    ['two values', '{"email":"maya@example.com"}{}'],
    ['a byte order mark', '\ufeff{"email":"maya@example.com"}'],
    ['not a number', '{"email":NaN}'],
    ['a member given twice', '{"email":"maya@example.com","email":"eve@example.com"}'],
    ['a member given twice, once with an escape', '{"email":"maya@example.com","\\u0065mail":"eve@example.com"}'],
    ['a member given twice, deep down', '{"email":"maya@example.com","more":[{"a":1,"a":2}]}'],
    ['__proto__', '{"email":"maya@example.com","__proto__":{"locale":"fr"}}'],
    ['__proto__ with an escape', '{"email":"maya@example.com","__pr\\u006fto__":1}'],
    ['bytes that are no UTF-8', Buffer.from('{"email":"maya\xff@example.com"}', 'latin1')],
    ['a control character in a string', '{"email":"maya\u0001@example.com"}'],
    ['deep nesting', '['.repeat(8000) + ']'.repeat(8000)]
  ]

  for (const [name, body] of bodies) {
    const answer = await post(url, '/v1/otp', body, json)
    t.match(answer, { status: 400, problem: { code: 'invalid-request' } }, name)
  }
  t.equal((await sql('select from postern.challenge')).length, 0)
})

t.test('bytes that are no UTF-8 are refused also where any letters would do', async (t) => {
  const { url } = await start(t)
  const body = Buffer.from('{"email":"maya@example.com","password":"sieben Zwetschgen \xff"}', 'latin1')

  t.match(await post(url, '/v1/login', body, json), { status: 400, problem: { code: 'invalid-request' } })
})

t.test('unknown members and wrong types are 400 with the place: nothing is coerced, nothing is dropped', async (t) => {
  const { url, sql } = await start(t)
  const email = 'maya@example.com'
  const cases: [string, unknown, string][] = [
    ['/v1/otp', { email, admin: true }, '/admin'],
    ['/v1/otp', { email, constructor: 1 }, '/constructor'],
    ['/v1/otp', { email, Email: email }, '/Email'],
    ['/v1/otp', { email, 'a/b~c': 1 }, '/a~1b~0c'],
    ['/v1/otp', {}, '/email'],
    ['/v1/otp', { email: null }, '/email'],
    ['/v1/otp', { email: 42 }, '/email'],
    ['/v1/otp', { email: [email] }, '/email'],
    ['/v1/otp', { email: { toString: 'x' } }, '/email'],
    ['/v1/otp', { email: '' }, '/email'],
    ['/v1/otp', { email, locale: true }, '/locale'],
    ['/v1/otp', { email, locale: 'not a tag' }, '/locale'],
    ['/v1/otp/resend', { challenge: '' }, '/challenge'],
    ['/v1/otp/resend', { challenge: 'x'.repeat(513) }, '/challenge'],
    ['/v1/otp/verify', { challenge: 'x', code: 123456 }, '/code'],
    ['/v1/otp/verify', { challenge: 'x', code: ' - ' }, '/code'],
    ['/v1/otp/verify', { challenge: ['x'], code: '123456' }, '/challenge'],
    ['/v1/session/refresh', { refresh_token: 1 }, '/refresh_token']
  ]

  for (const [path, body, pointer] of cases) {
    const { status, problem } = await post(url, path, JSON.stringify(body), json)
    t.equal(status, 400, `${path} ${JSON.stringify(body).slice(0, 60)}`)
    t.strictSame(problem.errors?.[0]?.pointer, pointer)
  }
  for (const body of ['null', '[]', '"email"', '42', 'true']) {
    const { status, problem } = await post(url, '/v1/otp', body, json)
    t.match([status, problem.errors?.[0]?.pointer], [400, ''], body)
  }
  t.equal((await sql('select from postern.challenge')).length, 0)
})

t.test(
  'an optional member that is null counts as absent, for many serializers write what is not set that way',
  async (t) => {
    const { url, signIn } = await start(t)
    const email = 'maya@example.com'

    const asked = await post(url, '/v1/otp', JSON.stringify({ email, locale: null, device_token: null }), json)
    const stranger = await post(url, '/v1/otp', JSON.stringify({ email, colour: null }), json)
    const lacking = await post(url, '/v1/otp', JSON.stringify({ email: null }), json)

    const tokenless = await post(url, '/v1/session/refresh', JSON.stringify({ refresh_token: null }), json)

    const { body } = await signIn(email)
    const patched = await fetch(`${url}/v1/me`, {
      method: 'PATCH',
      headers: { ...json, authorization: `Bearer ${body.access_token}` },
      body: '{"locale":null}'
    })

    t.equal(asked.status, 202)
    t.equal(patched.status, 400, 'in a PATCH it would mean to take something away')
    t.match(tokenless, { status: 400, problem: { errors: [{ pointer: '/refresh_token' }] } }, 'and no sign-out')
    t.match(stranger, { status: 400, problem: { errors: [{ pointer: '/colour' }] } })
    t.match(lacking, { status: 400, problem: { errors: [{ pointer: '/email', detail: 'is missing' }] } })
  }
)

t.test('NUL, control characters and lone surrogates never get as far as the database', async (t) => {
  const { url, sql } = await start(t)
  const signs = ['\\u0000', '\\u0007', '\\n', '\\u007f', '\\ud800', '\\udc00', '\\ud83d']

  for (const sign of signs) {
    const inLocal = await post(url, '/v1/otp', `{"email":"ma${sign}ya@example.com"}`, json)
    const inDomain = await post(url, '/v1/otp', `{"email":"maya@exam${sign}ple.com"}`, json)
    const inLocale = await post(url, '/v1/otp', `{"email":"maya@example.com","locale":"f${sign}r"}`, json)
    const inToken = await post(url, '/v1/otp/resend', `{"challenge":"chl_${sign}"}`, json)
    const inCode = await post(url, '/v1/otp/verify', `{"challenge":"chl_x","code":"1${sign}2"}`, json)
    t.strictSame([inLocal.status, inDomain.status, inLocale.status], [400, 400, 400], sign)
    t.strictSame([inToken.status, inCode.status], [401, 401], `${sign} in a token is a token that is not ours`)
  }
  t.equal((await sql('select from postern.challenge')).length, 0)
})

t.test('what is said of a body that is not JSON quotes nothing of it', async (t) => {
  const { url } = await start(t)
  const told = async (body: string) => (await post(url, '/v1/login', body, json)).problem.detail as string

  const quoted = await told('{"email":"maya@example.com","password": hunter2-secret}')
  const cutPair = await told('{"a": x😀😀}')

  t.match(quoted, /^the body is not JSON: Unexpected token/)
  t.notMatch(quoted, /hunter|maya/)
  t.ok(cutPair.isWellFormed() && (await told('{"a":😀}')).isWellFormed())
  t.match(await told('{"a":1,"a":2}'), /^the member "a" is given twice$/)
})

t.test('a POST without body and type counts as {}', async (t) => {
  const { url, signIn } = await start(t)
  const { body } = await signIn('maya@example.com')
  const authorization = `Bearer ${body.access_token}`

  const left = await fetch(`${url}/v1/session/logout`, { method: 'POST', headers: { authorization } })
  const lacking = await post(url, '/v1/otp', undefined, {})
  const again = (await signIn('maya@example.com')).body.access_token
  const typed = await fetch(`${url}/v1/session/logout`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${again}` }
  })

  t.equal(left.status, 204)
  t.match(lacking, { status: 400, problem: { errors: [{ pointer: '/email', detail: 'is missing' }] } })
  t.equal(typed.status, 204, 'whether or not the client names the type of nothing')
})

t.test('a PATCH that sends nothing is not taken for one that changes nothing', async (t) => {
  const { url, signIn } = await start(t)
  const authorization = `Bearer ${(await signIn('maya@example.com')).body.access_token}`

  const answer = await fetch(`${url}/v1/me`, { method: 'PATCH', headers: { authorization } })

  t.equal(answer.status, 400)
})

t.test('a GET takes no notice of a body’s type, and an unwanted query changes nothing', async (t) => {
  const { url, signIn } = await start(t)
  const { body } = await signIn('maya@example.com')
  const headers = { authorization: `Bearer ${body.access_token}`, 'content-type': 'text/plain' }

  const odd = await fetch(`${url}/v1/session?constructor[]=1&%zz=%zz&__proto__=x`, { headers })

  t.equal(odd.status, 200)
})
