import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { freePort } from '../db/own-server.ts'
import { until } from '../helper.ts'
import { openBrowser, openBrowserWithoutCookies } from './browser.ts'
import { announced, at, press, signedIn, signIn, startOnTestServer } from './demo.ts'

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

const port = await freePort()
const service = await startOnTestServer(t, { CORS_ORIGINS: `http://localhost:${port}` })
const site = await serveElsewhere(t, port, service.url)

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

t.test('with all cookies blocked, and all storage with them, signing in works as well', async (t) => {
  const email = 'noah@example.com'
  const context = await openBrowserWithoutCookies(t)

  const page = await signIn(context, service, email, site)
  const blocked = await page.evaluate(
    '(() => { try { return localStorage.length } catch (error) { return error.name } })()'
  )
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
  const whose = await signedIn(page)
  await press(page, 'Sign out')
  await announced(page, /signed out/)

  t.equal(blocked, 'SecurityError')
  t.equal(whose, email)
})

t.test('and so it does from the origin of the service', async (t) => {
  const email = 'ada@example.com'

  const page = await signIn(await openBrowserWithoutCookies(t), service, email)

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
