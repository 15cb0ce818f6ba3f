import t from 'tap'
import { until } from '../helper.ts'
import { mailServer } from '../mail/servers.ts'
import { email, password, startWithPasswords, tokenIn } from './with-password.ts'

t.test('somebody forgets the password, gets a link by mail, sets a new one and logs in with it', async (t) => {
  const { url, received } = await mailServer(t)
  const { api, signIn, login } = await startWithPasswords(t, { SMTP_URL: url, BRAND_NAME: 'Acme' })
  const before = await signIn(email)

  const asked = await api.requestPasswordReset({ email })
  const mail = await until(() => received.find(({ raw }) => raw.includes('Acme account password change')))
  const token = tokenIn(mail.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=').replaceAll('\r\n', '\n'))
  const inspected = await api.inspectPasswordReset({ token })
  const set = await api.resetPassword({ token, password })
  const loggedIn = await login()
  const notice = await until(() => received.find(({ raw }) => raw.includes('Your Acme password was changed')))

  t.match(asked, { status: 202, body: { expires_in: 86_400 } })
  t.match(inspected, { status: 200, body: { email_hint: 'm•••@example.com' } })
  t.match(set.body, { sessions_ended: 1, device_token: /^dev_/ })
  t.equal((await api.getSession({ bearer: before.body.access_token })).status, 401)
  t.equal((await api.refreshSession({ refresh_token: before.body.refresh_token })).status, 401)
  t.match(loggedIn, { status: 200, body: { session: { amr: ['pwd'] }, user: { email, has_password: true } } })
  t.equal((await api.getSession({ bearer: loggedIn.body.access_token })).status, 200)
  t.equal((await api.refreshSession({ refresh_token: loggedIn.body.refresh_token })).status, 200)
  t.strictSame(notice.to, [email])
})

t.test('the code of the first screen is left alone and the password is used instead', async (t) => {
  const { api, signUp, login, mailedCode } = await startWithPasswords(t)
  await signUp()
  const { challenge } = (await api.requestOtp({ email })).body

  const answer = await login()

  t.equal(answer.status, 200)
  const late = await api.verifyOtp({ challenge, code: await mailedCode(email) })
  t.equal(late.status, 200, 'the code that came in the meantime is still good, for whoever wants it')
})

t.test('a link that was asked for on one client is finished on another', async (t) => {
  const { askForLink, signIn, another, login } = await startWithPasswords(t)
  await signIn(email)
  const phone = await another()
  const headers = { 'user-agent': 'Mozilla/5.0 (iPhone) Safari/604.1', 'accept-language': 'fr' }

  const token = await askForLink()
  const inspected = await phone.api.inspectPasswordReset({ token }, { headers })
  const set = await phone.api.resetPassword({ token, password }, { headers })

  t.equal(inspected.status, 200)
  t.equal(set.status, 200)
  t.equal((await login()).status, 200)
})
