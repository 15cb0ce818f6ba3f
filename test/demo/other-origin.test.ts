import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { freePort } from '../db/own-server.ts'
import { until } from '../helper.ts'
import { openBrowser, openBrowserWithoutCookies } from './browser.ts'
import { announced, at, press, signedIn, signIn, startOnTestServer } from './demo.ts'
import { expireTokens, loaded, lookAgain, watchTokens } from './expiry.ts'
import { testOwnAccount } from './own-account.ts'
import { testJourney } from './whole-journey.ts'

const program = fileURLToPath(new URL('../../examples/dashboard/serve.js', import.meta.url))

/** The demo from an origin of its own, which the service lists. */
async function serveElsewhere(t: Test, port: string, api: string): Promise<string> {
  const child = spawn(process.execPath, [program, '--port', port, '--api', api], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await exited
  })
  let said = ''
  child.stdout.on('data', (part) => (said += part))
  return await until(() => /http:\/\/localhost:\d+/.exec(said)?.[0])
}

const [beside, away] = [await freePort(), await freePort()]
const service = await startOnTestServer(t, {
  CORS_ORIGINS: `http://localhost:${beside},http://localhost:${away}`,
  RESET_URL: `http://localhost:${away}/reset-password.html`,
  CODE_RESEND_AFTER: '1',
  CODE_RESENDS: '1'
})
/** Another origin of the same site. */
const site = await serveElsewhere(t, beside, service.url)
/** Another site: what this page calls 127.0.0.1 is a stranger to localhost. */
const otherSite = await serveElsewhere(t, away, service.url.replace('localhost', '127.0.0.1'))
const withoutCookies = await openBrowserWithoutCookies(t)

t.test('from another origin the session is a bearer, survives a reload, and ends', async (t) => {
  const email = 'maya@example.com'
  const { visitor } = await openBrowser(t)
  const context = await visitor(t)

  const page = await signIn(context, service, email, site)
  const kept = await page.evaluate('JSON.stringify({ ...localStorage })')
  await page.reload()
  const whose = await signedIn(page)
  await press(page, 'Sign out')
  await at(page, 'email')

  t.equal(whose, email)
  t.match(kept, /rfr_/)
  t.strictSame(await context.cookies(), [])
  t.notMatch(await page.evaluate('JSON.stringify({ ...localStorage })'), /rfr_/)
})

t.test('what people do with their account goes by bearer as well', async (t) => {
  const { visitor } = await openBrowser(t)

  testOwnAccount(t, { service, site, visitor })
})

t.test('from another site, with all cookies blocked and all storage with them, signing in works as well', async (t) => {
  const email = 'noah@example.com'
  await watchTokens(withoutCookies)
  const asked = withoutCookies.waitForEvent('request', (request) => request.url().endsWith('/v1/otp/verify'))

  const page = await signIn(withoutCookies, service, email, otherSite)
  const blocked = await page.evaluate(
    '(() => { try { return localStorage.length } catch (error) { return error.name } })()'
  )
  await expireTokens([page])
  await page.evaluate(lookAgain)
  const answers = await loaded(page)
  const whose = await signedIn(page)
  await press(page, 'Sign out')
  await announced(page, /signed out/)

  t.equal(blocked, 'SecurityError')
  t.ok(answers.includes('200 /v1/session/refresh'), answers.join())
  t.match(await (await asked).allHeaders(), { origin: otherSite, 'sec-fetch-site': 'cross-site' })
  t.equal(whose, email)
})

t.test('and so does the whole journey', async (t) => {
  const transports = new Set<string>()
  withoutCookies.on('request', (request) => {
    if (/\/v1\/(login|otp\/verify)$/.test(request.url())) transports.add(request.postDataJSON().session_transport)
  })

  testJourney(t, { service, site: otherSite, visitor: async () => withoutCookies })
  await t.test('all of it by bearer', async (t) => t.strictSame(transports, new Set(['bearer'])))
})

t.test('with all cookies blocked, signing in works from the origin of the service too', async (t) => {
  const email = 'ada@example.com'

  const page = await signIn(withoutCookies, service, email)

  t.equal(await signedIn(page), email)
})

t.test('the server of the example serves its files and nothing else, and lets the page call one API', async (t) => {
  const page = await fetch(`${site}/`)
  const answers = await Promise.all(
    ['/serve.js', '/README.md', '/tsconfig.json', '/%2e%2e/%2e%2e/package.json', '/screens/', '/index.html'].map(
      (path) => fetch(site + path)
    )
  )

  t.match(page.headers.get('content-security-policy'), `connect-src ${service.url};`)
  t.match(await page.text(), `name="postern-api" content="${service.url}"`)
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([404]))
})
