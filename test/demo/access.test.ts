import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import t from 'tap'
import { openBrowser } from './browser.ts'
import { announced, askForCode, at, press, signedIn, signIn, startOnEmbedded } from './demo.ts'
import { lookAgain } from './expiry.ts'
import { goThrough, showLongCode } from './screens.ts'

const service = await startOnEmbedded(t)
const { visitor } = await openBrowser(t)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const output = fileURLToPath(new URL('../output/demo/', import.meta.url))
mkdirSync(output, { recursive: true })

const sizes = { desktop: { width: 1280, height: 860 }, phone: { width: 320, height: 640 } }
const themes = ['light', 'dark'] as const

/** What axe finds, in light and in dark; and a picture of each, on a desk and in a hand. */
async function inspect(page: Page, name: string): Promise<string[]> {
  const found: string[] = []
  await page.evaluate(axe)
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme })
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport)
      await page.screenshot({ path: `${output}${name}-${colorScheme}-${size}.png` })
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      if (wide !== 0) found.push(`${name} ${size}: scrolls sideways`)
    }
    const script = `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ target }) => target)))`
    found.push(...(await page.evaluate<string[]>(script)).map((violation) => `${name} ${colorScheme}: ${violation}`))
  }
  return found
}

/** What has the focus, by the words that a screen reader says. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(
    '(({ ariaLabel, labels, textContent }) => (ariaLabel ?? labels?.[0]?.textContent ?? textContent).trim())(document.activeElement)'
  )

/** Goes on by Tab until a control has the focus, and sees on the way that each one shows it. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let steps = 0; steps < 30; steps++) {
    await page.keyboard.press('Tab')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    if (outline === 'none') throw new Error(`${await focused(page)} does not show its focus`)
    if ((await focused(page)) === name) return
  }
  throw new Error(`no Tab leads to ${name}`)
}

t.test('axe finds nothing on any screen, in light or dark, and none scrolls sideways', async (t) => {
  const context = await visitor(t)
  const found: string[] = []
  const seen = new Set<string>()

  await goThrough(context, service, async (page, name) => {
    seen.add(name)
    found.push(...(await inspect(page, name)))
  })
  const page = await context.newPage()
  await showLongCode(page, service)
  found.push(...(await inspect(page, 'code-long')))

  t.strictSame(found, [])
  t.ok(seen.size >= 14, `${seen.size} screens`)
})

t.test('everything can be done without a mouse, and the focus is always somewhere that makes sense', async (t) => {
  const email = 'keys@example.com'
  const page = await (await visitor(t)).newPage()
  const { keyboard } = page
  const path: string[] = []

  await page.goto(service.url)
  await at(page, 'email')
  path.push(await focused(page))
  await page.locator('.skip').focus()
  await keyboard.press('Enter')
  await tabTo(page, 'Email address')
  await keyboard.type(email)
  await keyboard.press('Enter')
  await at(page, 'code')
  path.push(await focused(page))
  await tabTo(page, 'Login with password instead')
  await keyboard.press('Enter')
  path.push(await focused(page))
  await tabTo(page, 'Login with a code instead')
  await keyboard.press('Space')
  await at(page, 'code')
  await keyboard.type(await service.mailedCode(email))
  await keyboard.press('Enter')
  await signedIn(page)
  path.push(await focused(page))
  await tabTo(page, 'Sign out')
  await keyboard.press('Enter')
  await at(page, 'email')
  path.push(await focused(page))

  t.strictSame(path, ['Email address', 'Code of 6 digits', 'Password', 'Your account', 'Email address'])
})

t.test('the focus outlives what the account asks for by itself, and goes on where its button is gone', async (t) => {
  const email = 'stays@example.com'
  const iPhone = { userAgent: 'Mozilla/5.0 (iPhone) Safari/604.1' }
  const phone = await signIn(await visitor(t, iPhone), service, email)
  const context = await visitor(t)
  const page = await signIn(context, service, email)
  const again = async () => {
    const loaded = page.waitForResponse('**/v1/me/devices')
    await page.evaluate(`document.querySelector('#sessions').firstChild.id = 'old'; ${lookAgain}`)
    await loaded
    await page.locator('#old').waitFor({ state: 'detached' })
  }
  const path: string[] = []

  await page.getByRole('button', { name: /^End the session: Safari on iPhone, / }).focus()
  await again()
  path.push(await focused(page))
  await press(phone, 'Sign out')
  await at(phone, 'email')
  await again()
  path.push(await focused(page))
  await context.setOffline(true)
  await page.evaluate(lookAgain)
  await page.getByRole('button', { name: 'Try now' }).focus()
  await context.setOffline(false)
  await page.keyboard.press('Enter')
  await announced(page, /service is back/)
  path.push(await focused(page))

  t.match(path, [/^End the session: Safari on iPhone, /, 'Where you are signed in', 'Your account'])
})

t.test('a code that dies takes the focus from no keyboard', async (t) => {
  const page = await (await visitor(t)).newPage()
  await page.clock.install()
  await page.goto(service.url)
  await askForCode(page, 'dies@example.com')
  await page.getByRole('button', { name: 'Continue' }).focus()

  await page.clock.fastForward('01:00:00')
  await page.getByRole('button', { name: 'Continue' }).waitFor({ state: 'hidden' })

  t.equal(await focused(page), 'Send a new code')
})

t.test('a screen reader hears where it is, what belongs to a field, and what went wrong', async (t) => {
  const page = await (await visitor(t)).newPage()
  await page.goto(service.url)
  const first = await page.title()

  await askForCode(page, 'ear@example.com')
  const code = page.getByLabel('Code of 6 digits')
  const described = await code.evaluate((input) => input.getAttribute('aria-describedby'))
  await press(page, 'Continue')

  t.equal(first, 'Sign in · Postern')
  t.equal(await page.title(), 'Check your mail · Postern')
  t.strictSame(described?.split(' '), ['lead', 'mark', 'fault'])
  t.equal(await page.getByRole('alert').innerText(), 'Type the code from the mail.')
  t.equal(await code.getAttribute('aria-invalid'), 'true')
  t.equal(await code.getAttribute('autocomplete'), 'one-time-code')
  t.equal(await code.getAttribute('inputmode'), 'numeric')
})

t.test(
  'the page speaks the language of the browser, and another one when told, without losing what was typed',
  async (t) => {
    const email = 'emil@example.com'
    const context = await visitor(t, { locale: 'fr-CH' })
    const page = await context.newPage()

    await page.goto(service.url)
    const french = await page.locator('h1').innerText()
    await page.getByLabel('Adresse e-mail').fill(email)
    await page.getByLabel('Langue').selectOption('de')
    const german = await page.locator('h1').innerText()
    const language = await page.evaluate('document.documentElement.lang')
    await press(page, 'Weiter')
    await at(page, 'code')
    await page.getByLabel('Code aus 6 Ziffern').fill(await service.mailedCode(email))
    await press(page, 'Weiter')
    await signedIn(page)
    await page.reload()
    await signedIn(page)
    await press(page, 'Abmelden')
    await announced(page, /abgemeldet/)

    t.strictSame([french, german, language], ['Se connecter', 'Anmelden', 'de'])
    t.match((await service.newestMail(email)).text, /Ihr Identifikationscode/, 'and so does the mail')
  }
)

t.test('a language that is chosen in the account is the one of its mails too, also after an outage', async (t) => {
  const email = 'notices@example.com'
  const context = await visitor(t)
  const page = await signIn(context, service, email)
  const bearer = await page.evaluate<string>(`JSON.parse(sessionStorage.getItem('postern.access')).token`)
  const localeOf = async () => {
    const answer = await fetch(`${service.url}/v1/me`, { headers: { authorization: `Bearer ${bearer}` } })
    return ((await answer.json()) as { locale: string }).locale
  }
  const before = await localeOf()

  await context.setOffline(true)
  await page.getByLabel('Language').selectOption('de')
  await page.locator('#outage p').waitFor()
  await context.setOffline(false)
  await page.locator('#outage:empty').waitFor({ state: 'attached' })

  t.strictSame([before, await localeOf()], ['en', 'de'])
})
