import t from 'tap'
import { agentName } from '../../src/lib/agent.ts'
import { codeIn, wrongCode } from '../helper.ts'
import { openBrowser } from './browser.ts'
import { announced, askForCode, at, fault, press, signedIn, signIn, startOnTestServer } from './demo.ts'

const service = await startOnTestServer(t)
const { visitor } = await openBrowser(t)

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/130.0 Safari/604.1'

t.test('Back and Forward lead through the screens, and never to the way in for who is in', async (t) => {
  const email = 'back@example.com'
  const page = await (await visitor(t)).newPage()
  await page.goto(service.url)
  await askForCode(page, email)
  const reference = await page.locator('#reference').innerText()

  await page.goBack()
  await at(page, 'email')
  const typed = page.url()
  await page.goForward()
  await at(page, 'code')
  const again = await page.locator('#reference').innerText()
  await page.getByLabel(/^Code/).fill(codeIn((await service.mailAskedBy(page, email)).text))
  await press(page, 'Continue')
  await signedIn(page)
  await page.goBack()
  const afterBack = await signedIn(page)
  await press(page, 'Sign out')
  await announced(page, /signed out/)
  await page.goBack()
  await at(page, 'email')
  await page.goBack()
  await page.goBack()

  t.equal(page.url(), 'about:blank', 'and out of the page')
  t.equal(typed, `${service.url}/`)
  t.equal(again, reference, 'the same code')
  t.equal(afterBack, email)
})

t.test('a code that is guessed out stays dead on another screen, and the way back mails a new one', async (t) => {
  const email = 'guessed-out@example.com'
  const page = await (await visitor(t)).newPage()
  await page.goto(service.url)
  await askForCode(page, email)
  const reference = await page.locator('#reference').innerText()
  const wrong = wrongCode(codeIn((await service.mailAskedBy(page, email)).text))
  for (const told of [/2 tries/, /1 try/, /no longer valid/]) {
    await page.getByLabel(/^Code/).fill(wrong)
    await press(page, 'Continue')
    await page.locator('[role=alert]').filter({ hasText: told }).waitFor()
  }

  await press(page, 'Login with password instead')
  await at(page, 'password')
  await page.goBack()
  const stillDead = await fault(page)
  await press(page, 'Login with password instead')
  await at(page, 'password')
  await press(page, 'Login with a code instead')
  await at(page, 'code')
  const { text } = await service.mailAskedBy(page, email)
  const fresh = await page.locator('#reference').innerText()
  await page.getByLabel(/^Code/).fill(codeIn(text))
  await press(page, 'Continue')

  t.match(stillDead, /no longer valid/)
  t.not(fresh, reference)
  t.equal(await signedIn(page), email)
})

t.test('who is signed in and asks for a link comes back to the account', async (t) => {
  const page = await signIn(await visitor(t), service, 'home@example.com')
  await press(page, 'Set a password')
  await page.getByLabel('New password').fill('rowing boats at dawn, twice')
  await press(page, 'Update password')
  await announced(page, /Your password was changed/)
  await press(page, 'Change password')
  await press(page, 'Forgot your password?')
  await at(page, 'forgot')
  await press(page, 'Back')
  await signedIn(page)
  await press(page, 'Change password')
  await press(page, 'Forgot your password?')
  await press(page, 'Validate')
  await press(page, 'Back to your account')

  t.equal(await signedIn(page), 'home@example.com')
})

t.test('a link that a reload has lost is still good, and a password that is too short is told how long', async (t) => {
  const email = 'reload@example.com'
  const page = await (await visitor(t)).newPage()
  await service.child.api.requestOtp({ email })
  const code = await service.newestMail(email)
  const challenge = (await service.child.api.requestOtp({ email })).body.challenge
  const mail = await service.newestMail(email, code.id)
  await service.child.api.verifyOtp({ challenge, code: codeIn(mail.text) })
  await service.child.api.requestPasswordReset({ email })
  const link = /https?:\S+#token=\S+/.exec((await service.mailWith(email, '#token=')).text)?.[0] ?? ''

  await page.goto(link)
  await at(page, 'reset')
  await page.getByLabel('New password', { exact: true }).fill('kurz')
  await press(page, 'Update password')
  const tooShort = await fault(page)
  await page.getByLabel('New password', { exact: true }).fill('ein Tabulator\tin der Mitte')
  await press(page, 'Update password')
  const odd = await fault(page)
  await page.reload()
  await at(page, 'reopen')
  const said = await page.locator('#screen').innerText()
  await page.goto(link)
  await at(page, 'reset')

  t.match(tooShort, /at least 15 characters/)
  t.match(odd, /cannot be used/, 'and the link is not called dead for it')
  t.match(said, /still good/)
})

t.test('a session whose end was not answered is gone, and everything is told in the language of now', async (t) => {
  const email = 'lost@example.com'
  await signIn(await visitor(t, { userAgent: IPHONE }), service, email)
  const page = await signIn(await visitor(t), service, email)
  let lost = 0
  await page.route('**/v1/me/sessions/*', async (route) => {
    if (route.request().method() !== 'DELETE' || lost > 0) return await route.continue()
    lost += 1
    await route.fetch() // it reaches the service, and the answer reaches nobody
    await route.abort()
  })

  await page.locator('#language').selectOption('fr')
  await page.getByRole('button', { name: 'Fermer la session : Chrome sur iPhone' }).waitFor()
  const named = await page.locator('#sessions').innerText()
  await page.getByRole('button', { name: 'Fermer la session : Chrome sur iPhone' }).click()
  await page.locator('#sessions li').nth(1).waitFor({ state: 'detached' })

  t.equal(lost, 1)
  t.match(named, /Chrome sur iPhone\s+Dernière utilisation : [^,]*, .*connexion depuis (127\.0\.0\.0\/24|::\/64)/)
  t.equal(await page.locator('#screen [role=alert]').innerText(), '')
})

t.test('a device has the name that the mails of the service give it', async (t) => {
  const page = new URL('../../examples/dashboard/user-agent.js', import.meta.url).href
  const { recognise } = (await import(page)) as { recognise: (agent: string) => { browser?: string; system?: string } }
  const agents = [
    IPHONE,
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36 EdgA/130.0',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) FxiOS/132.0 Mobile Safari/605.1.15',
    'Mozilla/5.0 (Linux; Android 15) SamsungBrowser/27.0 Chrome/125.0 Mobile Safari/537.36',
    'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/130.0 Safari/537.36',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36 OPR/114.0',
    'curl/8.9.1',
    'a client of its own'
  ]
  for (const agent of agents) {
    const { browser, system } = recognise(agent)
    t.equal([browser, system].filter(Boolean).join(', '), agentName(agent), agent)
  }
})

t.test('a slow answer pulls nobody back to a screen that they have left', async (t) => {
  const page = await (await visitor(t)).newPage()
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  await page.route('**/v1/password/forgot', async (route) => {
    await held
    await route.continue()
  })
  await page.goto(`${service.url}/#forgot`)
  await at(page, 'forgot')
  await page.getByLabel('Email address').fill('slow@example.com')
  await press(page, 'Validate')
  await press(page, 'Back')
  await at(page, 'email')

  const answered = page.waitForResponse('**/v1/password/forgot')
  release()
  await answered
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))

  await at(page, 'email')
})

t.test('a tab whose session has ended does not take another one away from its sign-in', async (t) => {
  const email = 'two-tabs@example.com'
  const context = await visitor(t)
  const first = await signIn(context, service, email)
  const second = await context.newPage()
  await second.goto(`${service.url}/#forgot`)
  await at(second, 'forgot')
  await second.getByLabel('Email address').fill('somebody-else@example.com')

  await press(first, 'Sign out')
  await at(first, 'email')
  await second.evaluate(() => new Promise((resolve) => setTimeout(resolve)))

  await at(second, 'forgot')
  t.equal(await second.getByLabel('Email address').inputValue(), 'somebody-else@example.com')
})
