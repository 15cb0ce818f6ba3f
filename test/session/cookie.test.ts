import t, { type Test } from 'tap'
import { DAY, MINUTE } from '../../src/lib/time.ts'
import { call } from '../contract-client.ts'
import { newKey, type Settings, start } from '../helper.ts'
import { browser, cookieOf, OWN_ORIGIN } from './browser.ts'

const email = 'maya@example.com'
const app = 'https://app.example.com'

/** A world with a browser that has signed in with the cookie. */
async function startInBrowser(t: Test, settings: Settings = {}) {
  const world = await start(t, settings)
  const tabs = browser(world.url)
  const signIn = async () => {
    const { body } = await tabs.ask('requestOtp', { email })
    return await tabs.ask('verifyOtp', {
      challenge: body.challenge,
      code: world.codeOf(body.challenge),
      session_transport: 'cookie'
    })
  }
  const signedIn = await signIn()
  const letPass = (seconds: number) =>
    world.sql(`update postern.session set rotated_at = rotated_at - $1 * interval '1 second'`, [seconds])
  return { ...world, tabs, signIn, signInAgain: world.signIn, signedIn, letPass }
}

t.test('signing in with the cookie keeps the refresh token out of reach of scripts', async (t) => {
  const { signedIn, api, tabs } = await startInBrowser(t)

  const [line, ...more] = signedIn.headers.getSetCookie()

  t.equal(signedIn.status, 200)
  t.notHas(signedIn.body, { refresh_token: String })
  t.equal(signedIn.body.refresh_expires_in, 30 * DAY)
  t.strictSame(more, [])
  t.match(line, /^__Host-postern_refresh=rfr_[\w-]+; /)
  t.strictSame(line?.split('; ').slice(1).sort(), [
    'HttpOnly',
    `Max-Age=${30 * DAY}`,
    'Path=/',
    'SameSite=Lax',
    'Secure'
  ])
  t.notOk(JSON.stringify(signedIn.body).includes(String(tabs.cookie())))
  t.equal((await api.getSession({ bearer: signedIn.body.access_token })).status, 200)
})

t.test('bearer mode sets no cookie, and is what a client gets that asks for nothing', async (t) => {
  const { api, codeOf, signIn } = await start(t)
  const { body } = await api.requestOtp({ email })

  const asked = await api.verifyOtp({
    challenge: body.challenge,
    code: codeOf(body.challenge),
    session_transport: 'bearer'
  })
  const plain = await signIn(email)
  const refreshed = await api.refreshSession({ refresh_token: plain.body.refresh_token })
  const left = await api.logout({ refresh_token: refreshed.body.refresh_token })

  for (const answer of [asked, plain, refreshed]) t.match(answer.body.refresh_token, /^rfr_/)
  for (const answer of [asked, plain, refreshed, left]) t.strictSame(answer.headers.getSetCookie(), [])
})

t.test('a refresh takes the cookie when the body has no token, and answers the next cookie', async (t) => {
  const { tabs, signedIn, api } = await startInBrowser(t)
  const first = tabs.cookie()

  const withBody = await tabs.ask('refreshSession', {})
  const second = tabs.cookie()
  const withNothing = await tabs.ask('refreshSession')

  t.strictSame([withBody.status, withNothing.status], [200, 200])
  t.equal(withBody.body.session.id, signedIn.body.session.id)
  t.notHas(withBody.body, { refresh_token: String })
  t.equal(new Set([first, second, tabs.cookie()]).size, 3)
  t.equal((await api.getSession({ bearer: withNothing.body.access_token })).status, 200)
})

t.test('a token in the body comes before the cookie, which then stays as it is', async (t) => {
  const { tabs, signedIn, signInAgain } = await startInBrowser(t)
  const { body: own } = await signInAgain(email)

  const refreshed = await tabs.ask('refreshSession', { refresh_token: own.refresh_token })
  const left = await tabs.ask('logout', { refresh_token: refreshed.body.refresh_token })
  const onward = await tabs.ask('refreshSession', {})

  t.equal(refreshed.body.session.id, own.session.id)
  t.match(refreshed.body.refresh_token, /^rfr_/)
  t.strictSame(
    [refreshed, left].flatMap(({ headers }) => headers.getSetCookie()),
    []
  )
  t.match({ status: onward.status, id: onward.body.session?.id }, { status: 200, id: signedIn.body.session.id })
})

t.test('two tabs that refresh at once both go on, whichever answer comes last', async (t) => {
  const { tabs, another, letPass } = await startInBrowser(t)
  const second = await another()
  const otherTab = browser(second.url)
  otherTab.setCookie(tabs.cookie())

  const answers = await Promise.all([tabs.send('refreshSession', {}), otherTab.send('refreshSession', {})])
  for (const answer of answers.toReversed()) tabs.keep(answer)
  await letPass(2 * MINUTE)
  const onward = await tabs.ask('refreshSession', {})

  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200]
  )
  t.equal(answers[0].headers.get('set-cookie'), answers[1].headers.get('set-cookie'))
  t.equal(onward.status, 200)
})

t.test('an answer that is late and puts an older cookie back signs nobody out', async (t) => {
  const { tabs, letPass } = await startInBrowser(t)
  const late = await tabs.send('refreshSession', {})
  tabs.keep(late)
  await tabs.ask('refreshSession', {})

  tabs.keep(late)
  await letPass(2 * MINUTE)
  const onward = await tabs.ask('refreshSession', {})

  t.equal(onward.status, 200)
})

t.test('a lost reply is answered again, an hour later too', async (t) => {
  const { tabs, letPass } = await startInBrowser(t)

  await tabs.send('refreshSession', {})
  const atOnce = await tabs.send('refreshSession', {})
  await letPass(60 * MINUTE)
  const later = await tabs.ask('refreshSession', {})

  t.strictSame([atOnce.status, later.status], [200, 200])
  t.equal((await tabs.ask('refreshSession', {})).status, 200)
})

t.test('a refused refresh leaves the cookie, which another tab may just have got by signing in', async (t) => {
  const { tabs, signIn, sql } = await startInBrowser(t)
  await sql('update postern.session set revoked_at = now()')

  const late = await tabs.send('refreshSession', {}) // of the session that was ended
  await signIn() // in the other tab, answered before
  tabs.keep(late)

  t.match({ status: late.status, code: late.problem.code }, { status: 401, code: 'refresh-rejected' })
  t.strictSame(late.headers.getSetCookie(), [])
  t.equal((await tabs.ask('refreshSession', {})).status, 200)
})

t.test('without a token and without a cookie a refresh is refused as any that is no session', async (t) => {
  const { api } = await start(t)

  for (const cookie of [undefined, 'theme=dark', '__Host-postern_refresh=', 'x__Host-postern_refresh=rfr_a']) {
    const answer = await api.refreshSession({}, { headers: cookie === undefined ? {} : { cookie } })

    t.match(
      { status: answer.status, code: answer.problem.code },
      { status: 401, code: 'refresh-rejected' },
      cookie ?? 'none'
    )
  }
})

t.test('signing out ends the session and clears the cookie', async (t) => {
  const { tabs, signedIn, api } = await startInBrowser(t)
  const token = tabs.cookie() as string

  const left = await tabs.ask('logout')

  t.equal(left.status, 204)
  t.match(left.headers.get('set-cookie'), /^__Host-postern_refresh=; Max-Age=0; .*Path=\/; .*HttpOnly; Secure/)
  t.equal(tabs.cookie(), undefined)
  t.equal((await api.getSession({ bearer: signedIn.body.access_token })).status, 401)
  t.equal((await api.refreshSession({ refresh_token: token })).status, 401)
})

t.test('signing out with cookie and bearer ends both sessions when they are two', async (t) => {
  const { tabs, signedIn, signIn, api } = await startInBrowser(t)
  const newer = await signIn()

  const left = await tabs.ask('logout', {}, { bearer: signedIn.body.access_token })

  t.equal(left.status, 204)
  t.equal(tabs.cookie(), undefined)
  for (const { body } of [signedIn, newer]) t.equal((await api.getSession({ bearer: body.access_token })).status, 401)
})

t.test(
  'whoever ends the session of the cookie, or leaves, has no cookie left; that of another session stays',
  async (t) => {
    const { tabs, signedIn, signIn } = await startInBrowser(t)
    const bearer = signedIn.body.access_token
    const second = await signIn()

    await tabs.ask('endSession', undefined, { bearer, id: signedIn.body.session.id })
    t.ok(tabs.cookie())
    await tabs.ask('endSession', undefined, { bearer: second.body.access_token, id: second.body.session.id })
    t.equal(tabs.cookie(), undefined)

    const third = await signIn()
    const left = await tabs.ask('deleteMe', undefined, { bearer: third.body.access_token })
    t.equal(left.status, 204)
    t.equal(tabs.cookie(), undefined)
  }
)

t.test('a cookie that means nothing any more is cleared by signing out', async (t) => {
  const { url } = await start(t)
  const tabs = browser(url)
  tabs.setCookie('rfr_of-a-key-that-is-gone')

  const left = await tabs.ask('logout')

  t.equal(left.status, 204)
  t.equal(tabs.cookie(), undefined)
})

t.test('a page of another origin can neither refresh nor sign out by the cookie', async (t) => {
  const { tabs, api, signedIn } = await startInBrowser(t, { CORS_ORIGINS: app })
  const cookie = cookieOf(tabs.cookie() as string)
  const strangers: Record<string, string>[] = [
    {},
    { origin: 'null' },
    { origin: 'https://evil.example' },
    { origin: 'https://evil.app.example.com', 'sec-fetch-site': 'same-site' },
    { origin: 'http://localhost:3001', 'sec-fetch-site': 'same-site' },
    { origin: `${app}.evil.example` },
    { origin: 'http://localhost:3000/' },
    { origin: 'http://localhost:3000', 'sec-fetch-site': 'cross-site' },
    { origin: app, 'sec-fetch-site': 'cross-site' },
    { origin: app, 'sec-fetch-site': 'none' }
  ]

  for (const headers of strangers) {
    for (const operation of ['refreshSession', 'logout'] as const) {
      const answer = await api[operation]({}, { headers: { ...headers, cookie } })

      t.match(
        { status: answer.status, code: answer.problem?.code },
        { status: 403, code: 'origin-rejected' },
        operation
      )
      t.strictSame(answer.headers.getSetCookie(), [])
    }
  }
  t.equal((await api.getSession({ bearer: signedIn.body.access_token })).status, 200)
  t.equal((await tabs.ask('refreshSession', {})).status, 200)
})

t.test('a page of another origin cannot sign a browser in, and its try costs the code nothing', async (t) => {
  const { api, codeOf, sql } = await start(t, { CORS_ORIGINS: `${app},capacitor://localhost` })
  const { body } = await api.requestOtp({ email })
  const attempt = { challenge: body.challenge, code: codeOf(body.challenge), session_transport: 'cookie' } as const

  const foreign = await api.verifyOtp(attempt, { headers: { origin: 'https://evil.example' } })
  const nameless = await api.verifyOtp(attempt)
  const crossSite = await api.verifyOtp(attempt, { headers: { origin: app, 'sec-fetch-site': 'cross-site' } })
  const webView = await api.verifyOtp(attempt, { headers: { origin: 'capacitor://localhost' } })
  const [{ opened } = {}] = await sql('select count(*)::int4 as opened from postern.session')
  const inBearer = await api.verifyOtp({ ...attempt, session_transport: 'bearer' })

  for (const answer of [foreign, nameless, crossSite, webView]) {
    t.match({ status: answer.status, code: answer.problem?.code }, { status: 403, code: 'origin-rejected' })
    t.strictSame(answer.headers.getSetCookie(), [])
  }
  t.equal(opened, 0)
  t.equal(inBearer.status, 200, 'where the cookie is refused, bearer mode is still there')
})

t.test('a listed origin of the same site uses the cookie', async (t) => {
  const { url, api, codeOf } = await start(t, { CORS_ORIGINS: app })
  const { body } = await api.requestOtp({ email })
  const page = browser(url, app, 'same-site')

  const signedIn = await page.ask('verifyOtp', {
    challenge: body.challenge,
    code: codeOf(body.challenge),
    session_transport: 'cookie'
  })
  const refreshed = await page.ask('refreshSession', {})
  const left = await page.ask('logout')

  t.strictSame([signedIn.status, refreshed.status, left.status], [200, 200, 204])
})

t.test('a session that a code renews keeps its cookie', async (t) => {
  const { tabs, signedIn, codeOf } = await startInBrowser(t)
  const cookie = tabs.cookie()
  const { body } = await tabs.ask('requestOtp', { email })

  const renewed = await tabs.ask(
    'verifyOtp',
    { challenge: body.challenge, code: codeOf(body.challenge), session_transport: 'cookie' },
    { bearer: signedIn.body.access_token }
  )

  t.equal(renewed.body.session.id, signedIn.body.session.id)
  t.strictSame(renewed.headers.getSetCookie(), [])
  t.equal(tabs.cookie(), cookie)
})

t.test('a browser signs out by its bearer where the key of its cookie is missing', async (t) => {
  const older = newKey()
  const world = await startInBrowser(t, { SECRET_KEYS: `${newKey()},${older}` })
  const { tabs, signedIn, another, api, settings } = world
  const without = await another({ ...settings, SECRET_KEYS: older })
  const cookie = { origin: OWN_ORIGIN, 'sec-fetch-site': 'same-origin', cookie: cookieOf(tabs.cookie() as string) }
  const bearer = signedIn.body.access_token

  const others = (await world.signInAgain(email)).body.access_token
  const byCookie = await call(without.url, 'logout', {}, { headers: cookie })
  const byAnother = await call(without.url, 'logout', {}, { bearer: others, headers: cookie })
  const byBoth = await call(without.url, 'logout', {}, { bearer, headers: cookie })

  t.match([byCookie.status, byCookie.problem.code], [503, 'unavailable'], 'another instance can end it')
  t.equal(byAnother.status, 503, 'the session of the cookie is another one, and goes on')
  t.strictSame(byAnother.headers.getSetCookie(), [])
  t.equal(byBoth.status, 204)
  t.equal((await api.getSession({ bearer })).status, 401)
})
