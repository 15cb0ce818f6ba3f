import t, { type Test } from 'tap'
import { codeIn, until } from '../helper.ts'
import { mailServer } from '../mail/servers.ts'
import { email, another as otherPassword, password, startWithPasswords, tokenIn } from './with-password.ts'

const rejected = { status: 401, problem: { code: 'reset-rejected' } }

/** A world whose mails go out over SMTP, to be read from what arrived at the mail server. */
async function startWithMailServer(t: Test) {
  const { url, received } = await mailServer(t)
  const world = await startWithPasswords(t, { SMTP_URL: url, BRAND_NAME: 'Acme' })
  /** The texts of all mails that say something, in the order they came. */
  const mailsWith = (words: string): string[] =>
    received
      .map(({ raw }) => raw.replaceAll('=\r\n', '').replaceAll('=3D', '=').replaceAll('\r\n', '\n'))
      .filter((text) => text.includes(words))
  const mailWith = (words: string): Promise<string> => until(() => mailsWith(words)[0])
  /** Asks for a link, and answers the token from the mail that comes. */
  const linkByMail = async (api = world.api): Promise<string> => {
    const before = mailsWith('Acme account password change').length
    await api.requestPasswordReset({ email })
    return tokenIn(await until(() => mailsWith('Acme account password change')[before]))
  }
  return { ...world, received, mailWith, linkByMail }
}

t.test('somebody forgets the password, gets a link by mail, sets a new one and logs in with it', async (t) => {
  const { api, signIn, login, received, linkByMail, mailWith } = await startWithMailServer(t)
  const before = await signIn(email)

  const token = await linkByMail()
  const inspected = await api.inspectPasswordReset({ token })
  const set = await api.resetPassword({ token, password })
  const loggedIn = await login()
  await mailWith('Your Acme password was changed')

  t.match(inspected, { status: 200, body: { email_hint: 'm•••@example.com' } })
  t.match(set.body, { sessions_ended: 1, device_token: /^dev_/ })
  t.equal((await api.getSession({ bearer: before.body.access_token })).status, 401)
  t.equal((await api.refreshSession({ refresh_token: before.body.refresh_token })).status, 401)
  t.match(loggedIn, { status: 200, body: { session: { amr: ['pwd'] }, user: { email, has_password: true } } })
  t.equal((await api.getSession({ bearer: loggedIn.body.access_token })).status, 200)
  t.equal((await api.refreshSession({ refresh_token: loggedIn.body.refresh_token })).status, 200)
  t.strictSame(new Set(received.flatMap(({ to }) => to)), new Set([email]))
})

t.test('the code of the first screen is left alone and the password is used instead', async (t) => {
  const { api, signUp, login, mailWith } = await startWithMailServer(t)
  await signUp()
  const { challenge, reference } = (await api.requestOtp({ email })).body
  const code = codeIn(await mailWith(`Reference: ${reference}`))

  const answer = await login()

  t.match(answer, { status: 200, body: { session: { amr: ['pwd'] } } })
  const late = await api.verifyOtp({ challenge, code })
  t.match(late, { status: 200, body: { session: { amr: ['otp'] } } }, 'the code is still good, for whoever wants it')
})

t.test('a link that was asked for on one client is finished on another', async (t) => {
  const { linkByMail, signIn, another, login } = await startWithMailServer(t)
  await signIn(email)
  const phone = await another()
  const headers = { 'user-agent': 'Mozilla/5.0 (iPhone) Safari/604.1', 'accept-language': 'fr' }

  const token = await linkByMail()
  const inspected = await phone.api.inspectPasswordReset({ token }, { headers })
  const set = await phone.api.resetPassword({ token, password }, { headers })

  t.equal(inspected.status, 200)
  t.equal(set.status, 200)
  t.equal((await login()).status, 200)
})

t.test('of two mails with a link the one that is used ends the other, whichever came first', async (t) => {
  const { api, linkByMail, signIn, another, login } = await startWithMailServer(t)
  await signIn(email)
  const phone = await another()

  for (const used of [0, 1]) {
    const tokens = [await linkByMail(), await linkByMail(phone.api)] as const
    const chosen = [password, otherPassword][used] as string

    const live = await Promise.all(tokens.map((token) => api.inspectPasswordReset({ token })))
    const set = await phone.api.resetPassword({ token: tokens[used] as string, password: chosen })

    t.strictSame(
      [...live, set].map(({ status }) => status),
      [200, 200, 200]
    )
    for (const token of tokens) {
      t.match(await api.inspectPasswordReset({ token }), rejected)
      t.match(await api.resetPassword({ token, password: 'neun Pflaumen auf dem Tisch' }), rejected)
    }
    t.equal((await login(chosen)).status, 200)
  }
})
