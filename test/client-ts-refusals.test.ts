import t from 'tap'
import { until } from './helper.ts'
import { jumpAhead } from './jump-ahead.ts'
import { password, tokenIn } from './password/with-password.ts'
import { email, openPhone } from './phone.ts'

const answering =
  (status: number, body: object, headers = {}) =>
  async () =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json', ...headers } })

t.test('whatever a refresh is refused with, only `refresh-rejected` is a sign-out', async (t) => {
  const { open, enter, spoilt } = await openPhone(t)
  await enter(open())
  const phone = open()
  spoilt.set('/v1/session/refresh', answering(429, { code: 'too-many-requests' }, { 'retry-after': '7' }))

  await t.rejects(phone.api.GET('/v1/me'), { name: 'Outage', retryAfter: 7 })
  spoilt.clear()

  t.equal((await phone.api.GET('/v1/me')).data?.email, email)
})

t.test('what a proxy says for a service that is not there is an outage too', async (t) => {
  const { open, spoilt, sent } = await openPhone(t)

  for (const status of [502, 504]) {
    spoilt.set('/v1/otp', answering(status, {}))
    await t.rejects(open().api.POST('/v1/otp', { body: { email } }), { name: 'Outage' }, String(status))
  }

  t.equal(sent.length, 6)
})

t.test('a try waits for as long as the service has asked for', async (t) => {
  const { open, spoilt } = await openPhone(t)
  spoilt.set('/v1/otp', async () => {
    spoilt.clear()
    return await answering(503, {}, { 'retry-after': '0.3' })()
  })
  const begun = Date.now()

  await open().api.POST('/v1/otp', { body: { email } })

  t.ok(Date.now() - begun >= 290)
})

t.test('in an outage nobody signs in beside the session that is there', async (t) => {
  const { open, enter, sessions, spoilt } = await openPhone(t)
  await enter(open())
  const phone = open()
  spoilt.set('/v1/session/refresh', answering(503, {}, { 'retry-after': '0' }))

  await t.rejects(enter(phone), { name: 'Outage' })
  spoilt.clear()
  await enter(phone)

  t.equal((await sessions(phone)).length, 1)
})

t.test('signing in again with a token that is about to run out refreshes first', async (t) => {
  const { open, enter, sent } = await openPhone(t)
  const phone = open()
  await enter(phone)
  jumpAhead(t, 580)

  await enter(phone)

  t.strictSame(sent.slice(-3), ['POST /v1/otp', 'POST /v1/session/refresh', 'POST /v1/otp/verify'])
})

t.test('a refusal that comes late does not refresh what was refreshed meanwhile', async (t) => {
  const { open, enter, sent, spoilt } = await openPhone(t)
  const phone = open()
  const { data } = await enter(phone)
  const gate = Promise.withResolvers<void>()
  const refusing = (wait?: Promise<void>) => async (request: Request) => {
    const isOld = request.headers.get('authorization') === `Bearer ${data?.access_token}`
    if (isOld) await wait
    if (isOld) request.headers.set('authorization', 'Bearer expired')
    return await fetch(request)
  }
  spoilt.set('/v1/me', refusing())
  spoilt.set('/v1/session', refusing(gate.promise))

  const late = phone.api.GET('/v1/session')
  await phone.api.GET('/v1/me')
  gate.resolve()

  t.equal((await late).response.status, 200)
  t.equal(sent.filter((line) => line === 'POST /v1/session/refresh').length, 1)
})

t.test('an answer is handed on once what it brings is kept', async (t) => {
  const { open, enter, shelf } = await openPhone(t)
  const gate = Promise.withResolvers<void>()
  let isSignedIn = false
  const phone = open({ keep: (kept) => gate.promise.then(() => void Object.assign(shelf, { kept })) })

  const entering = enter(phone).then(() => (isSignedIn = true))
  await until(() => phone.isSignedIn)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  const early = isSignedIn
  gate.resolve()
  await entering

  t.notOk(early)
  t.match(shelf.kept, { refreshToken: /^rfr_/ })
})

t.test('an Idempotency-Key of the app stays as it is', async (t) => {
  const { open, sql } = await openPhone(t)
  const header = { 'idempotency-key': '0198c5a1-7b1e-4c33-9d0c-0c5d2f6a1b42' }

  const [one, other] = [
    await open().api.POST('/v1/otp', { body: { email }, params: { header } }),
    await open().api.POST('/v1/otp', { body: { email }, params: { header } })
  ]

  t.equal(one.data?.challenge, other.data?.challenge)
  t.match(await sql('select count(*)::int4 as mails from postern.mail'), [{ mails: 1 }])
})

t.test('a device that has set a new password is known from then on', async (t) => {
  const { open, enter, inbox, shelf } = await openPhone(t)
  await enter(open())
  shelf.kept = {}
  const { api } = open()

  await api.POST('/v1/password/forgot', { body: { email } })
  const token = tokenIn(await until(() => inbox?.mails(email).find(({ text }) => text.includes('#token='))?.text))
  await api.POST('/v1/password/reset', { body: { token, password } })

  t.match(shelf.kept, { deviceToken: /^dev_/ })
})
