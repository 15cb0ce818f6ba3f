import t from 'tap'
import { Postern } from '../examples/client-ts/postern.ts'
import { start, until } from './helper.ts'
import { email, openPhone } from './phone.ts'

t.test('a sign-in is kept, and found again by the next start of the app', async (t) => {
  const { open, enter, shelf, sent } = await openPhone(t)
  const phone = open()

  const signedIn = await enter(phone)
  const { data } = await open().api.GET('/v1/session')

  t.equal(signedIn.data?.user.email, email)
  t.match(shelf.kept, { refreshToken: /^rfr_/, deviceToken: /^dev_/ })
  t.equal(data?.user.email, email)
  t.strictSame(sent.slice(-2), ['POST /v1/session/refresh', 'GET /v1/session'])
})

t.test('left to itself it calls fetch as a browser wants it called: on nothing of ours', async (t) => {
  const { url } = await start(t)
  const { fetch } = globalThis
  t.intercept(globalThis, 'fetch', {
    value(this: unknown, request: Request) {
      if (this !== undefined && this !== globalThis) throw new TypeError('Illegal invocation')
      return fetch(request)
    }
  })

  const phone = new Postern({ baseUrl: url, keep: () => {}, pauses: [] })
  const { data } = await phone.api.POST('/v1/otp', { body: { email } })

  t.match(data, { challenge: /^chl_/ })
})

t.test('lost answers cost neither the code, nor the session, nor a second mail', async (t) => {
  const { open, enter, sessions, loseAnswer, sql } = await openPhone(t)
  for (const path of ['/v1/otp', '/v1/otp/verify']) loseAnswer(path)
  await enter(open())
  loseAnswer('/v1/session/refresh')

  const listed = await sessions(open())

  t.equal(listed.length, 1)
  t.strictSame(await sql('select count(*)::int4 as mails from postern.mail'), [{ mails: 1 }])
})

t.test('many requests with a token that has run out refresh once, and are answered', async (t) => {
  const { open, enter, sent, spoilt } = await openPhone(t)
  const phone = open()
  const { data } = await enter(phone)
  for (const path of ['/v1/me', '/v1/session'])
    spoilt.set(path, async (request) => {
      if (request.headers.get('authorization') === `Bearer ${data?.access_token}`)
        request.headers.set('authorization', 'Bearer expired')
      return await fetch(request)
    })

  const answers = await Promise.all([
    phone.api.GET('/v1/me'),
    phone.api.GET('/v1/session'),
    phone.api.GET('/v1/me'),
    phone.api.GET('/v1/session')
  ])

  t.strictSame(new Set(answers.map(({ response }) => response.status)), new Set([200]))
  t.equal(sent.filter((line) => line === 'POST /v1/session/refresh').length, 1)
})

t.test('an outage is no sign-out: it is tried again, told, and over when it is over', async (t) => {
  const { open, enter, shelf, spoilt, sent } = await openPhone(t)
  await enter(open())
  const { kept } = shelf
  spoilt.set('/v1/session/refresh', async () => new Response('{}', { status: 503, headers: { 'retry-after': '0' } }))
  const phone = open()

  await t.rejects(phone.api.GET('/v1/me'), { name: 'Outage' })
  const tries = sent.filter((line) => line === 'POST /v1/session/refresh').length
  spoilt.clear()
  const { data } = await phone.api.GET('/v1/me')

  t.equal(tries, 3)
  t.ok(kept.refreshToken)
  t.equal(data?.email, email)
})

t.test('a session that was ended is told as that, and forgotten; the device is still known', async (t) => {
  const { open, enter, shelf, sql } = await openPhone(t)
  const phone = open()
  await enter(phone)
  await sql('update postern.session set revoked_at = now()')

  await t.rejects(phone.api.GET('/v1/me'), { name: 'SignedOut' })

  t.notOk(phone.isSignedIn)
  t.match(Object.keys(shelf.kept), ['deviceToken'])
})

t.test('signing in again stays in the session, also where its access token is of no use any more', async (t) => {
  const { open, enter, sessions, sql, shelf } = await openPhone(t)
  await enter(open())
  const { refreshToken } = shelf.kept
  await sql("update postern.session set authenticated_at = now() - interval '10 minutes'")
  const phone = open()
  const change = () => phone.api.PUT('/v1/me/password', { body: { password: 'sieben Zwetschgen im Korb' } })

  const refused = await change()
  await enter(phone)
  const changed = await change()

  t.equal(refused.error?.code, 'step-up-required')
  t.equal(changed.response.status, 200)
  t.equal((await sessions(phone)).length, 1)
  t.ok(shelf.kept.refreshToken !== refreshToken, 'one refresh went before')
})

t.test('a password is not tried a second time by itself', async (t) => {
  const { open, sent, loseAnswer } = await openPhone(t)
  loseAnswer('/v1/login')

  await t.rejects(open().api.POST('/v1/login', { body: { email, password: 'sieben Zwetschgen im Korb' } }), {
    name: 'Outage'
  })

  t.strictSame(sent, ['POST /v1/login'])
})

t.test('signing out ends the session at the service too', async (t) => {
  const { open, enter, sql, shelf, sent } = await openPhone(t)
  const phone = open()
  await enter(phone)

  await phone.signOut()

  t.match(await sql('select revoked_at from postern.session'), [{ revoked_at: Date }])
  t.strictSame(Object.keys(shelf.kept), ['deviceToken'])
  await t.rejects(phone.api.GET('/v1/me'), { name: 'SignedOut' })
  t.equal(sent.at(-1), 'POST /v1/session/logout')
})

t.test('signing out waits for a refresh that is under way, whose answer would bring the session back', async (t) => {
  const { open, enter, sent, shelf, spoilt } = await openPhone(t)
  await enter(open())
  const phone = open()
  const gate = Promise.withResolvers<void>()
  spoilt.set('/v1/session/refresh', async (request) => {
    const answer = await fetch(request)
    await gate.promise
    return answer
  })
  const asked = phone.api.GET('/v1/me')
  await until(() => sent.includes('POST /v1/session/refresh'))

  const ending = phone.signOut()
  await new Promise(setImmediate)
  const early = sent.includes('POST /v1/session/logout')
  gate.resolve()
  await Promise.allSettled([ending, asked])

  t.notOk(early)
  t.strictSame(Object.keys(shelf.kept), ['deviceToken'])
})
