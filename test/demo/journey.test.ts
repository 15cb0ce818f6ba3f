import t from 'tap'
import { codeIn } from '../helper.ts'
import { openBrowser } from './browser.ts'
import { announced, askForCode, at, press, signedIn, startOnEmbedded } from './demo.ts'
import { testJourney } from './whole-journey.ts'

// With a proxy, so that a test can come from other networks than the browser does.
const service = await startOnEmbedded(t, { CODE_RESEND_AFTER: '1', CODE_RESENDS: '1', TRUSTED_PROXIES: '127.0.0.0/8' })
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
const { visitor } = await openBrowser(t)

t.test('a stranger types an address, reads the code in the mail, and is in', async (t) => {
  const email = 'maya@example.com'
  const page = await (await visitor(t)).newPage()

  await page.goto(service.url)
  await askForCode(page, email)
  const reference = await page.locator('#reference').innerText()
  const mail = await service.newestMail(email)
  await page.getByLabel('Code of 6 digits').fill(await service.mailedCode(email))
  await press(page, 'Continue')
  const whose = await signedIn(page)
  const cookies = await page.context().cookies()
  const kept = await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')
  await page.reload()
  const afterReload = await signedIn(page)
  await press(page, 'Sign out')
  await announced(page, /signed out/)

  t.match(mail.text, reference)
  t.strictSame([whose, afterReload], [email, email])
  t.match(
    cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite })),
    [{ name: '__Host-postern_refresh', httpOnly: true, secure: true, sameSite: 'Lax' }]
  )
  t.notMatch(kept, /rfr_/, 'no script can read the refresh token')
  t.strictSame(await page.context().cookies(), [])
})

testJourney(t, { service, site: service.url, visitor })

t.test('where strangers have guessed, the right password and the code that is mailed then sign in', async (t) => {
  const [email, password] = ['guessed@example.com', 'sieben Zwetschgen im Korb']
  const { api } = service.child
  const { challenge } = (await api.requestOtp({ email }, from('203.0.113.7'))).body
  const made = await api.verifyOtp({ challenge, code: await service.mailedCode(email) }, from('203.0.113.7'))
  await api.changePassword({ password }, { bearer: made.body.access_token })
  const guesses = Array.from({ length: 10 }, (_, at) =>
    api.loginWithPassword({ email, password: 'a guess that is long enough' }, from(`198.51.${at}.1`))
  )
  const refused = new Set((await Promise.all(guesses)).map(({ problem }) => problem.code))
  const page = await (await visitor(t)).newPage()
  await page.goto(service.url)
  await askForCode(page, email)
  const earlier = await page.locator('#reference').innerText()

  await press(page, 'Login with password instead')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Sign in')
  await at(page, 'code')
  const [lead, reference] = [await page.locator('#lead').innerText(), await page.locator('#reference').innerText()]
  await page.getByLabel(/^Code/).fill(codeIn((await service.mailAskedBy(page, email)).text))
  const verified = page.waitForResponse('**/v1/otp/verify')
  await press(page, 'Continue')

  t.strictSame(refused, new Set(['credentials-rejected']))
  t.match(lead, /To be sure that it is you/)
  t.not(reference, earlier, 'another code than the one of the first screen')
  t.strictSame((await (await verified).json()).session.amr, ['pwd', 'otp'])
  t.equal(await signedIn(page), email)
})
