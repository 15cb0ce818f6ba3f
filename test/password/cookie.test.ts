import t from 'tap'
import { browser } from '../session/browser.ts'
import { email, password, startWithPasswords } from './with-password.ts'

t.test('a password signs a browser in with the cookie, which refreshes and signs out', async (t) => {
  const { url, signUp } = await startWithPasswords(t)
  await signUp()
  const tabs = browser(url)

  const signedIn = await tabs.ask('loginWithPassword', { email, password, session_transport: 'cookie' })
  const cookie = tabs.cookie()
  const refreshed = await tabs.ask('refreshSession', {})
  const left = await tabs.ask('logout')

  t.equal(signedIn.status, 200)
  t.match(cookie, /^rfr_/)
  t.notHas(signedIn.body, { refresh_token: String })
  t.strictSame([refreshed.status, refreshed.body.session.id], [200, signedIn.body.session.id])
  t.strictSame([left.status, tabs.cookie()], [204, undefined])
})

t.test('a page of another origin cannot sign a browser in with a password of its own', async (t) => {
  const { api, signUp, sql } = await startWithPasswords(t)
  await signUp()
  const attempt = { email, password, session_transport: 'cookie' } as const
  const count = async () => (await sql('select count(*)::int4 as sessions from postern.session'))[0]?.sessions
  const before = await count()

  const foreign = await api.loginWithPassword(attempt, { headers: { origin: 'https://evil.example' } })
  const nameless = await api.loginWithPassword(attempt)
  const after = await count()
  const inBearer = await api.loginWithPassword({ email, password })

  for (const answer of [foreign, nameless]) {
    t.match({ status: answer.status, code: answer.problem?.code }, { status: 403, code: 'origin-rejected' })
    t.strictSame(answer.headers.getSetCookie(), [])
  }
  t.equal(after, before)
  t.match(inBearer.body.refresh_token, /^rfr_/)
  t.strictSame(inBearer.headers.getSetCookie(), [])
})
