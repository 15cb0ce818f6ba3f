import { readFileSync } from 'node:fs'
import t from 'tap'
import { openBrowser } from './browser.ts'
import { startOnTestServer } from './demo.ts'

const service = await startOnTestServer(t)
const contract = readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8')

/** Where people would read it: behind a name, as some scripts behave otherwise on localhost. */
const PLACE = 'https://auth.example.com'

t.test('the reference page shows an operation, and asks nobody but the service for anything', async (t) => {
  const { visitor } = await openBrowser(t)
  const context = await visitor(t)
  const faults: string[] = []
  const foreign: string[] = []
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  context.on('requestfailed', (request) => faults.push(`${request.url()} ${request.failure()?.errorText}`))
  context.on('response', (answer) => {
    if (!answer.ok()) faults.push(`${answer.url()} ${answer.status()}`)
  })
  await context.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) =>
      console.error('policy', event.violatedDirective, event.blockedURI))`
  )
  await context.route('**/*', async (route) => {
    const { origin, pathname, search } = new URL(route.request().url())
    if (origin === PLACE)
      return await route.fulfill({ response: await route.fetch({ url: service.url + pathname + search }) })
    foreign.push(route.request().url())
    return await route.abort()
  })
  const page = await context.newPage()

  const answer = await page.goto(`${PLACE}/docs`)
  const operation = page.locator('#operations-Sign_in_with_a_code-verifyOtp')
  await operation
    .getByRole('button', { name: /\/v1\/otp\/verify/ })
    .first()
    .click()
  const shown = await operation.locator('.responses-table').innerText()

  t.match(answer?.headers()['content-security-policy'], /^default-src 'none'; connect-src 'self';/)
  t.match(await operation.innerText(), 'Trade a mailed code for a session')
  t.match(shown, /200[\s\S]*401/)
  t.equal(await page.locator('.opblock').count(), operations().length)
  t.strictSame([foreign, faults], [[], []])
})

t.test('on a phone the reference is as wide as the screen', async (t) => {
  const { visitor } = await openBrowser(t)
  const context = await visitor(t, { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true })
  const page = await context.newPage()

  await page.goto(`${service.url}/docs`)
  await page.locator('.opblock').first().waitFor()
  const [shown, needed] = await page.evaluate<[number, number]>('[innerWidth, document.documentElement.scrollWidth]')

  t.equal(shown, 390)
  t.equal(needed, 390)
})

t.test('the contract that is served is the one that is committed', async (t) => {
  const answer = await fetch(`${service.url}/openapi.json`)

  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type'), 'application/json')
  t.strictSame(await answer.json(), JSON.parse(contract))
})

t.test(
  'the reference page fills in no Idempotency-Key, which would make every try after the first a repeat',
  async (t) => {
    const keys = operations().flatMap(({ parameters = [] }) =>
      parameters.filter(({ name }) => name === 'idempotency-key')
    )

    t.ok(keys.length > 0)
    t.notMatch(JSON.stringify(keys), 'example')
  }
)

type Operation = { parameters?: { name: string }[] }
const operations = () =>
  Object.values((JSON.parse(contract) as { paths: Record<string, Record<string, Operation>> }).paths).flatMap((path) =>
    Object.values(path)
  )
