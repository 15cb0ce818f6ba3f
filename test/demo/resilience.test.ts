import t from 'tap'
import { openBrowser } from './browser.ts'
import { announced, askForCode, at, fault, press, signedIn, signIn, startOnEmbedded } from './demo.ts'
import { expireTokens, loaded, lookAgain, watchTokens } from './expiry.ts'

const service = await startOnEmbedded(t)
const { visitor } = await openBrowser(t)

t.test('an access token that has run out is replaced without a word, once for all requests and tabs', async (t) => {
  const email = 'tabs@example.com'
  const context = await visitor(t)
  await watchTokens(context)
  // As on a busy machine: what one tab tells the others arrives later than the lock that it gives back.
  await context.addInitScript(`{
    const post = BroadcastChannel.prototype.postMessage
    BroadcastChannel.prototype.postMessage = function (message) {
      setTimeout(() => post.call(this, message), 50)
    }
  }`)
  const first = await signIn(context, service, email)
  const second = await context.newPage()
  await second.goto(service.url)
  await signedIn(second)
  await expireTokens([first, second])

  await Promise.all([first.evaluate(lookAgain), second.evaluate(lookAgain)])
  const answers = await Promise.all([loaded(first), loaded(second)])

  t.ok(answers.flat().includes('401 /v1/session'), 'the token had run out')
  t.strictSame([await signedIn(first), await signedIn(second)], [email, email])
  t.equal(answers.flat().filter((answer) => answer === '200 /v1/session/refresh').length, 1)
})

t.test('tabs sign in and out together', async (t) => {
  const email = 'together@example.com'
  const context = await visitor(t)
  const waiting = await context.newPage()
  await waiting.goto(service.url)

  const page = await signIn(context, service, email)
  const followed = await signedIn(waiting)
  await press(page, 'Sign out')
  await at(waiting, 'email')

  t.equal(followed, email)
})

t.test('another session is ended from the list, and notices', async (t) => {
  const email = 'two@example.com'
  const phone = await signIn(await visitor(t, { userAgent: 'Mozilla/5.0 (iPhone) Safari/604.1' }), service, email)
  const laptop = await signIn(await visitor(t), service, email)

  await press(laptop, /^End the session: Safari on iPhone, /)
  await announced(laptop, /session was ended/)
  const left = await laptop.locator('#sessions li').count()
  await phone.evaluate(lookAgain)
  await at(phone, 'email')

  t.equal(left, 1)
  t.match(await announced(phone, /ended/), /Please sign in again/)
})

t.test('a browser that has signed in is known at the next sign-in, until it is forgotten', async (t) => {
  const email = 'known@example.com'
  const context = await visitor(t, { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36' })
  const page = await signIn(context, service, email)
  const trusted = await page.locator('#devices li').count()
  const marked = await page.locator('#devices li .badge').innerText()

  await press(page, /^Forget the device: Chrome on Linux, /)
  await announced(page, /device is forgotten/)
  const left = await page.locator('#devices li').count()
  await press(page, 'Sign out')
  const asked = page.waitForRequest('**/v1/otp')
  await askForCode(page, email)

  t.strictSame([trusted, marked, left], [1, 'This one', 0])
  t.match((await asked).postDataJSON(), { device_token: /^dev_/ })
})

t.test('without network whoever is signed in stays so, is told why, and goes on when it is back', async (t) => {
  const email = 'train@example.com'
  const context = await visitor(t)
  const page = await signIn(context, service, email)

  await context.setOffline(true)
  await page.evaluate(lookAgain)
  const told = await page.locator('#outage p').innerText()
  await context.setOffline(false)
  await page.locator('#outage:empty').waitFor({ state: 'attached' })

  t.match(told, /You are still signed in/)
  t.equal(await signedIn(page), email)
})

t.test('a service that is down at the refresh of a new page signs nobody out', async (t) => {
  const email = 'down@example.com'
  const context = await visitor(t)
  const page = await signIn(context, service, email)
  const down = { status: 503, headers: { 'retry-after': '30' }, json: { code: 'unavailable', status: 503 } }
  await context.route('**/v1/session/refresh', (route) => route.fulfill(down))

  const another = await context.newPage()
  await another.goto(service.url)
  const told = await another.locator('#outage p').innerText()
  await context.unroute('**/v1/session/refresh')
  await press(another, 'Try now')

  t.match(told, /cannot reach the service/)
  t.strictSame([await signedIn(another), await signedIn(page)], [email, email])
})

t.test('whoever reloads again and again while a refresh is still on its way stays signed in', async (t) => {
  const email = 'reloads@example.com'
  const context = await visitor(t)
  await signIn(context, service, email)
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const page = await context.newPage()
  await page.goto(service.url)
  await signedIn(page)
  await page.reload()
  await signedIn(page)

  const late = await fetch(`${service.url}/v1/session/refresh`, {
    method: 'POST',
    headers: { cookie, origin: service.url, 'content-type': 'application/json' },
    body: '{}'
  })
  await page.reload()

  t.equal(late.status, 200)
  t.equal(await signedIn(page), email)
})

t.test('whoever removes something from a list of a session that has ended is told so', async (t) => {
  const email = 'ended@example.com'
  const context = await visitor(t)
  const page = await signIn(context, service, email)
  const bearer = await page.evaluate<string>(`JSON.parse(sessionStorage.getItem('postern.access')).token`)
  await fetch(`${service.url}/v1/session/logout`, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } })

  await press(page, /^Forget the device/)
  await at(page, 'email')

  t.match(await announced(page, /ended/), /Please sign in again/)
})

t.test('a lost answer is asked for again with the same key: one mail, one session', async (t) => {
  const email = 'lost@example.com'
  const context = await visitor(t)
  const page = await context.newPage()
  const keys: string[] = []
  // The request arrives, its answer does not: once for each operation.
  await context.route(/\/v1\/otp(\/verify)?$/, async (route) => {
    keys.push((await route.request().headerValue('idempotency-key')) ?? '')
    const answer = await route.fetch()
    return await (keys.length % 2 === 1 ? route.abort('connectionreset') : route.fulfill({ response: answer }))
  })
  await page.goto(service.url)

  await askForCode(page, email)
  await page.getByLabel(/^Code/).fill(await service.mailedCode(email))
  await press(page, 'Continue')
  await signedIn(page)
  const mails = (await (await fetch(`${service.url}/dev/inbox.json?to=${email}`)).json()) as { mails: unknown[] }

  t.equal(keys.length, 4)
  t.equal(keys[0], keys[1])
  t.equal(keys[2], keys[3])
  t.equal(mails.mails.length, 1)
  t.equal(await page.locator('#sessions li').count(), 1)
})

t.test('an outage while signing in is told as one; whoever presses again goes on', async (t) => {
  const email = 'later@example.com'
  const context = await visitor(t)
  const page = await context.newPage()
  await page.goto(service.url)
  await context.setOffline(true)

  await page.getByLabel('Email address').fill(email)
  await press(page, 'Next')
  const told = await fault(page)
  await context.setOffline(false)
  await askForCode(page, email)

  t.match(told, /Nothing is lost/)
})

/** The refusal of a client that asks too often. @param wait seconds */
const refusal = (wait: number) => ({
  status: 429,
  headers: { 'retry-after': `${wait}` },
  json: { code: 'too-many-requests', status: 429 }
})

t.test('too many attempts are told with the time that is left', async (t) => {
  const context = await visitor(t)
  const page = await context.newPage()
  await context.route('**/v1/otp', (route) => route.fulfill(refusal(150)))
  await page.goto(service.url)

  await page.getByLabel('Email address').fill('busy@example.com')
  await press(page, 'Next')

  t.match(await fault(page), /You can try again in 3 minutes/)
})

t.test('whoever looks at the account too often is told the time of the last refusal', async (t) => {
  const context = await visitor(t)
  const page = await signIn(context, service, 'looks@example.com')
  const outage = page.locator('#outage p')
  let wait = 150
  await context.route('**/v1/session', (route) => route.fulfill(refusal(wait)))

  await page.reload()
  await outage.filter({ hasText: 'in 3 minutes' }).waitFor()
  wait = 40
  await press(page, 'Try now')
  await outage.filter({ hasText: 'in 40 seconds' }).waitFor()

  t.equal(await outage.count(), 1)
})

t.test('a code that is sent again too early is no fault: the countdown begins anew', async (t) => {
  const context = await visitor(t)
  const page = await context.newPage()
  await page.clock.install()
  await page.goto(service.url)
  await askForCode(page, 'early@example.com')
  await context.route('**/v1/otp/resend', (route) => route.fulfill(refusal(45)))

  await page.clock.fastForward('00:31')
  await press(page, 'Send the code again')

  await page.getByRole('button', { name: 'Send the code again (0:45)' }).waitFor()
  t.equal(await page.getByRole('alert').innerText(), '')
})
