import t from 'tap'
import { malformed } from '../contract-client.ts'
import { until } from '../helper.ts'
import { email, another as otherPassword, password, startWithPasswords } from './with-password.ts'

t.test('whoever has just signed in sets a first password; their session goes on and the others end', async (t) => {
  const { api, signIn, login, isLive, mails } = await startWithPasswords(t)
  const [mine, other, third] = [await signIn(email), await signIn(email), await signIn(email)]

  const answer = await api.changePassword({ password }, { bearer: mine.body.access_token })

  t.strictSame(answer.body, { sessions_ended: 2 })
  t.strictSame(await Promise.all([mine, other, third].map((one) => isLive(one))), [true, false, false])
  t.equal((await api.refreshSession({ refresh_token: mine.body.refresh_token })).status, 200)
  t.match((await api.getMe({ bearer: mine.body.access_token })).body, { has_password: true })
  t.equal((await login()).status, 200)
  await until(() => mails(email).find(({ subject }) => subject === 'Your Postern password was changed'))
})

t.test('a password that is set must be given to change it', async (t) => {
  const { api, signUp, login } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const next = { password: otherPassword }

  for (const body of [next, { ...next, current_password: otherPassword }])
    t.match((await api.changePassword(body, { bearer })).problem, { status: 401, code: 'credentials-rejected' })
  const changed = await api.changePassword({ ...next, current_password: password }, { bearer })

  t.equal(changed.status, 200)
  t.equal((await login(password)).status, 401)
  t.equal((await login(otherPassword)).status, 200)
})

t.test('a sign-in older than five minutes is not enough, and signing in again is', async (t) => {
  const { api, signUp, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const change = () => api.changePassword({ current_password: password, password: otherPassword }, { bearer })
  const signedInAgo = (time: string) =>
    sql('update postern.session set authenticated_at = now() - $1::interval', [time])

  await signedInAgo('5 minutes 1 second')
  const tooOld = await change()
  const bad = await api.changePassword(malformed({ password: 7 }), { bearer })
  await api.loginWithPassword({ email, password }, { bearer })
  const renewed = await change()

  t.match(tooOld.problem, { status: 403, code: 'step-up-required' })
  t.match(bad.problem, { status: 400, code: 'invalid-request' })
  t.equal(renewed.status, 200)
  await signedInAgo('4 minutes 50 seconds')
  const again = { current_password: otherPassword, password }
  t.equal((await api.changePassword(again, { bearer })).status, 200)
})

t.test('a change ends open links and open codes', async (t) => {
  const { api, signUp, askForLink, codeOf } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const token = await askForLink()
  const { challenge } = (await api.requestOtp({ email })).body

  await api.changePassword({ current_password: password, password: otherPassword }, { bearer })

  t.equal((await api.inspectPasswordReset({ token })).status, 401)
  t.equal((await api.resetPassword({ token, password })).status, 401)
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 401)
  t.equal((await api.inspectPasswordReset({ token: await askForLink() })).status, 200)
})

t.test('a refused password changes nothing', async (t) => {
  const { api, signUp, login, signIn, isLive } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const other = await signIn(email)

  const answer = await api.changePassword({ current_password: password, password: 'maya@example.com' }, { bearer })

  t.match(answer.problem, { status: 422, reason: 'personal' })
  t.ok(await isLive(other))
  t.equal((await login(password)).status, 200)
})

t.test('without a live session there is no password to change', async (t) => {
  const { api, signUp } = await startWithPasswords(t)
  const { body } = await signUp()
  await api.logout({ refresh_token: body.refresh_token })

  for (const bearer of [undefined, 'x', body.access_token])
    t.match((await api.changePassword({ password }, { bearer })).problem, { code: 'session-rejected' })
})
