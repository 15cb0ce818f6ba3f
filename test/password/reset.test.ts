import { randomUUID } from 'node:crypto'
import t from 'tap'
import { malformed } from '../contract-client.ts'
import { until } from '../helper.ts'
import { email, another as otherPassword, password, startWithPasswords } from './with-password.ts'

const rejected = { status: 401, problem: { code: 'reset-rejected' } }

t.test('of two links the one that is used ends the other', async (t) => {
  const { api, signIn, askForLink, login } = await startWithPasswords(t)
  await signIn(email)
  const [first, second] = [await askForLink(), await askForLink()]

  const used = await api.resetPassword({ token: first, password })

  t.equal(used.status, 200)
  for (const token of [first, second]) {
    t.match(await api.inspectPasswordReset({ token }), rejected)
    t.match(await api.resetPassword({ token, password: otherPassword }), rejected)
  }
  t.equal((await login(password)).status, 200)
  t.match(await api.inspectPasswordReset({ token: await askForLink() }), { status: 200 }, 'a later link is good')
})

t.test('a link that scanners open by GET and HEAD and look at fifty times is still good', async (t) => {
  const { api, url, signIn, askForLink } = await startWithPasswords(t)
  await signIn(email)
  const token = await askForLink()

  for (let time = 1; time <= 50; time++) {
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      for (const path of [
        `/reset-password.html?token=${token}`,
        `/v1/password/reset?token=${token}`,
        '/v1/password/reset'
      ])
        await fetch(url + path, { method })
    if (time % 10 === 0) t.equal((await api.inspectPasswordReset({ token })).status, 200)
  }

  t.equal((await api.resetPassword({ token, password })).status, 200)
})

t.test('a refused password does not spend the link', async (t) => {
  const { api, signIn, askForLink, isLive } = await startWithPasswords(t)
  const session = await signIn(email)
  const token = await askForLink()

  const refused = await api.resetPassword({ token, password: 'too short' })

  t.match(refused, { status: 422, problem: { code: 'password-refused', reason: 'too_short' } })
  t.ok(await isLive(session))
  t.equal((await api.resetPassword({ token, password })).status, 200)
})

t.test('a link is good for exactly a day by the clock of the database', async (t) => {
  const { api, sql, signIn, askForLink } = await startWithPasswords(t)
  await signIn(email)
  const token = await askForLink()
  const age = (text: string) =>
    sql(
      `update postern.password_reset set created_at = now() - $1::interval, expires_at = now() - $1::interval + interval '1 day'`,
      [text]
    )
  const [row] = await sql<{ life: number; expires_at: Date }>(
    'select extract(epoch from expires_at - created_at)::int as life, expires_at from postern.password_reset'
  )
  const inspected = await api.inspectPasswordReset({ token })

  await age('23 hours 59 minutes 50 seconds')
  const before = await api.inspectPasswordReset({ token })
  await age('1 day')
  const after = [await api.inspectPasswordReset({ token }), await api.resetPassword({ token, password })]

  t.equal(row?.life, 86_400)
  t.equal(inspected.body.expires_at, row?.expires_at.toISOString())
  t.equal(before.status, 200)
  for (const answer of after) t.match(answer, rejected)
})

t.test('whatever is not a token of ours is refused without a query, and nothing is no token', async (t) => {
  const { api, signIn, askForLink } = await startWithPasswords(t)
  await signIn(email)
  const token = await askForLink()
  const { challenge } = (await api.requestOtp({ email })).body
  const forged = [
    'x',
    `${token}x`,
    token.slice(0, -1),
    token.replace('rst_', 'chl_'),
    challenge,
    challenge.replace('chl_', 'rst_')
  ]

  for (const one of [...forged, '"', 'é'.repeat(512)]) {
    t.match(await api.inspectPasswordReset({ token: one }), rejected, one.slice(0, 8))
    const answer = await api.resetPassword({ token: one, password })
    t.match(answer, rejected)
    t.equal(answer.headers.get('www-authenticate'), 'Postern-Reset')
  }
  for (const one of ['', 7, null, 'x'.repeat(513)])
    t.match(await api.inspectPasswordReset(malformed({ token: one })), {
      status: 400,
      problem: { code: 'invalid-request' }
    })
})

t.test('a reset ends all sessions, open codes and links, signs nobody in and tells the address', async (t) => {
  const { api, codeOf, signUp, login, askForLink, isLive, events, mails, sql } = await startWithPasswords(t)
  const sessions = [await signUp(email, otherPassword), await login(otherPassword), await login(otherPassword)]
  const { challenge } = (await api.requestOtp({ email })).body
  const token = await askForLink()
  const headers = {
    'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0 <b>click http://evil.example</b>'
  }

  const answer = await api.resetPassword({ token, password }, { headers })

  t.match(answer.body, { sessions_ended: 3, device_token: /^dev_/ })
  for (const session of sessions) t.notOk(await isLive(session))
  t.match((await api.verifyOtp({ challenge, code: codeOf(challenge) })).problem, { code: 'code-rejected' })
  t.equal((await login(otherPassword)).status, 401)
  t.equal((await login(password)).status, 200)
  t.match(await events('password_reset'), [{ outcome: 'password_set', user_id: sessions[0]?.body.user.id }])
  const notices = await until(() => {
    const found = mails(email).filter(({ subject }) => subject === 'Your Postern password was changed')
    return found.length === 2 ? found : undefined
  })
  t.match(notices[0]?.text, /^When: \d{4}-\d\d-\d\d \d\d:\d\d UTC\nDevice: Firefox, Windows$/m)
  t.notMatch(JSON.stringify(notices), 'evil')
  t.match(await sql(`select count(*)::int as held from postern.password_reset where used_at is null`), [{ held: 0 }])
})

t.test('the device that set a password by link is the one that is trusted', async (t) => {
  const { api, signIn, askForLink, login, sql } = await startWithPasswords(t)
  for (let round = 1; round <= 10; round++) await signIn(email)
  const token = await askForLink()

  const { device_token } = (await api.resetPassword({ token, password })).body

  t.match(await sql('select count(*)::int from postern.device'), [{ count: 1 }])
  const { body } = await api.loginWithPassword({ email, password, device_token })
  const { devices } = (await api.listDevices({ bearer: body.access_token })).body
  t.equal(devices.length, 1, 'and it is known: no other was made by the login')
  t.equal((await login()).status, 200)
})

t.test('a reset proves the address of an account that was never proven', async (t) => {
  const { api, signIn, askForLink, sql, login } = await startWithPasswords(t)
  await signIn(email)
  await sql(`update postern."user" set email_verified_at = null`)

  await api.resetPassword({ token: await askForLink(), password })

  t.match((await login()).body.user, { email_verified: true, has_password: true })
})

t.test('the link of an account that was disabled meanwhile is dead', async (t) => {
  const { api, signIn, askForLink, sql } = await startWithPasswords(t)
  await signIn(email)
  const token = await askForLink()
  await sql(`update postern."user" set disabled_at = now()`)

  t.match(await api.inspectPasswordReset({ token }), rejected)
  t.match(await api.resetPassword({ token, password }), rejected)
})

t.test('a retry after a lost reply is answered again, and nothing else is', async (t) => {
  const { api, signIn, askForLink, another, sql, login } = await startWithPasswords(t)
  await signIn(email)
  const second = await another()
  const token = await askForLink()
  const key = { headers: { 'idempotency-key': randomUUID() } }

  const answers = await Promise.all([api, second.api].map((one) => one.resetPassword({ token, password }, key)))
  const upperCase = { headers: { 'idempotency-key': key.headers['idempotency-key'].toUpperCase() } }
  const later = await api.resetPassword({ token, password }, upperCase)
  const others = [
    await api.resetPassword({ token, password }),
    await api.resetPassword({ token, password: otherPassword }, key),
    await api.resetPassword({ token, password }, { headers: { 'idempotency-key': randomUUID() } })
  ]
  await sql(`update postern.password_reset set used_at = used_at - interval '61 seconds'`)
  const tooLate = await api.resetPassword({ token, password }, key)

  const { device_token } = later.body
  for (const { status, body } of [...answers, later])
    t.strictSame([status, body], [200, { sessions_ended: 1, device_token }])
  for (const answer of [...others, tooLate]) t.match(answer, rejected)
  t.match(await sql(`select count(*)::int from postern.mail where kind = 'password-changed'`), [{ count: 1 }])
  t.equal((await login(password)).status, 200)
})

t.test('a code that was asked for before a reset is not mailed after it', async (t) => {
  const { api, signIn, askForLink, sql, ctx } = await startWithPasswords(t)
  await signIn(email)
  const token = await askForLink()
  const { challenge } = (await api.requestOtp({ email })).body
  const id = ctx.secrets.readChallenge(challenge)?.id
  const mail = await until(
    async () => (await sql(`select id from postern.mail where subject_id = $1 and state = 'sent'`, [id]))[0]
  )

  await api.resetPassword({ token, password })
  await sql(`update postern.mail set state = 'queued', due_at = now(), settled_at = null where id = $1`, [mail.id])

  const state = await until(async () => {
    const [row] = await sql('select state from postern.mail where id = $1', [mail.id])
    return row?.state === 'queued' ? undefined : row?.state
  })
  t.equal(state, 'expired')
})
