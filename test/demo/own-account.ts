import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import { codeIn } from '../helper.ts'
import { announced, askForCode, at, fault, press, signedIn, signIn, type startOnTestServer } from './demo.ts'

type World = {
  service: Awaited<ReturnType<typeof startOnTestServer>>
  /** Origin of the demo's pages. */
  site: string
  visitor: (t: Test) => Promise<BrowserContext>
}

const [first, second] = ['sieben Zwetschgen im Korb', 'acht Birnen auf dem Tisch']

/** What people do with an account that they have, as tests of `t`: wherever the pages are. */
export function testOwnAccount(t: Test, { service, site, visitor }: World): void {
  const enter = async (t: Test, email: string): Promise<Page> => await signIn(await visitor(t), service, email, site)
  const fill = (page: Page, label: string, text: string) => page.getByLabel(label, { exact: true }).fill(text)
  const sessionIn = (page: Page) => page.evaluate("JSON.parse(localStorage['postern.session']).id")
  /** Ten minutes pass since the person proved who they are. */
  const letTimePass = async (page: Page): Promise<void> => {
    await service.sql("update postern.session set authenticated_at = authenticated_at - interval '10 minutes'")
    await page.reload()
    await signedIn(page)
  }
  const proveByCode = async (page: Page, email: string): Promise<void> => {
    await at(page, 'code')
    await page.getByLabel(/^Code/).fill(codeIn((await service.mailAskedBy(page, email)).text))
    await press(page, 'Continue')
  }

  t.test('a password is set, changed with the one of before, and ends the sessions elsewhere', async (t) => {
    const email = 'owner@example.com'
    const page = await enter(t, email)
    const elsewhere = await enter(t, email)

    await press(page, 'Set a password')
    await fill(page, 'New password', 'short')
    await press(page, 'Update password')
    const refused = await fault(page)
    await fill(page, 'New password', first)
    await press(page, 'Update password')
    await announced(page, /Your password was changed/)
    await elsewhere.reload()
    await at(elsewhere, 'email')
    await press(page, 'Change password')
    await fill(page, 'Current password', 'not the one of before')
    await fill(page, 'New password', second)
    await press(page, 'Update password')
    const wrong = await fault(page)
    const marked = await page.getByLabel('Current password').getAttribute('aria-invalid')
    await fill(page, 'Current password', first)
    await press(page, 'Update password')
    await announced(page, /Your password was changed/)

    t.match(refused, /at least 15 characters/)
    t.match([wrong, marked], [/not your current password/, 'true'])
    t.equal(await signedIn(page), email)
    t.equal((await service.child.api.loginWithPassword({ email, password: second })).status, 200)
  })

  t.test('whose sign-in lies back proves it by a code, and stays in the same session', async (t) => {
    const email = 'long-in@example.com'
    const page = await enter(t, email)
    const session = await sessionIn(page)
    await letTimePass(page)

    await press(page, 'Set a password')
    await at(page, 'code')
    const reference = await page.locator('#reference').innerText()
    await press(page, 'Back')
    await signedIn(page)
    await press(page, 'Set a password')
    await at(page, 'code')
    const again = await page.locator('#reference').innerText()
    await proveByCode(page, email)
    await fill(page, 'New password', first)
    await press(page, 'Update password')
    await announced(page, /Your password was changed/)
    await page.goBack()
    const behind = await page.locator('#screen').getAttribute('data-screen')
    await page.reload()

    t.equal(await signedIn(page), email)
    t.equal(await sessionIn(page), session)
    t.equal(again, reference, 'and one mail is enough')
    t.not(behind, 'code', 'the code is used')
    t.equal(await page.locator('#sessions li').count(), 1)
  })

  t.test('where the clock of the device hides that, the refusal of the service leads to the code', async (t) => {
    const email = 'clock@example.com'
    const page = await enter(t, email)
    await press(page, 'Delete account')
    await service.sql("update postern.session set authenticated_at = authenticated_at - interval '10 minutes'")

    await press(page, 'Delete for good')
    await proveByCode(page, email)
    await at(page, 'leave')
    await press(page, 'Back')

    t.equal(await signedIn(page), email)
  })

  t.test('an account is deleted, and its other windows learn of it', async (t) => {
    const email = 'leaver@example.com'
    const page = await enter(t, email)
    const beside = await page.context().newPage()
    await beside.goto(site)
    await signedIn(beside)

    await press(page, 'Delete account')
    const asked = await page.locator('#lead').innerText()
    await press(page, 'Delete for good')
    await announced(page, /Your account was deleted/)
    await at(beside, 'email')

    t.match(asked, email)
    t.strictSame(await service.sql(`select from postern."user" where email = '${email}'`), [])
    t.match((await service.newestMail(email)).subject, /account/)
  })

  t.test('a lost answer to the deletion is no reason to say anything else', async (t) => {
    const email = 'lost@example.com'
    const page = await enter(t, email)
    await press(page, 'Delete account')
    let losing = true
    await page.route('**/v1/me', async (route) => {
      if (route.request().method() !== 'DELETE' || !losing) return await route.continue()
      losing = false
      await route.fetch()
      await route.abort()
    })

    await press(page, 'Delete for good')

    await announced(page, /Your account was deleted/)
    t.strictSame(await service.sql(`select from postern."user" where email = '${email}'`), [])
  })

  t.test('a deletion that was carried out during an outage is told when the service is asked again', async (t) => {
    const email = 'outage@example.com'
    const page = await enter(t, email)
    await press(page, 'Delete account')
    let losing = true
    await page.route('**/v1/me', async (route) => {
      if (route.request().method() === 'DELETE' && losing) await route.fetch()
      if (losing) await route.abort()
      else await route.continue()
    })

    await press(page, 'Delete for good')
    await fault(page)
    losing = false
    await press(page, 'Delete for good')

    await announced(page, /Your account was deleted/)
    t.pass()
  })

  t.test(
    'what was on the screen for one account is not done to another, wherever that one has signed in',
    async (t) => {
      const [mine, theirs] = ['mine@example.com', 'theirs@example.com']
      const context = await visitor(t)
      await context.addInitScript('delete window.BroadcastChannel') // no tab hears of the others
      const page = await signIn(context, service, mine, site)
      await press(page, 'Delete account')
      const beside = await context.newPage()
      await beside.goto(site)
      await signedIn(beside)
      await press(beside, 'Sign out')
      await at(beside, 'email')
      await beside.close()
      await signIn(context, service, theirs, site)

      await press(page, 'Delete for good')

      t.equal(await signedIn(page), theirs)
      t.equal((await service.sql(`select from postern."user" where email = '${theirs}'`)).length, 1)
    }
  )

  t.test('Back leads nobody to what somebody else had before them', async (t) => {
    const [mine, theirs] = ['before@example.com', 'after@example.com']
    const page = await enter(t, mine)
    await press(page, 'Delete account')
    await press(page, 'Back')
    await signedIn(page)
    await press(page, 'Sign out')
    await at(page, 'email')
    await askForCode(page, theirs)
    await proveByCode(page, theirs)
    await signedIn(page)

    for (let steps = 0; steps < 4; steps++) {
      await page.goBack()
      t.equal(await signedIn(page), theirs)
    }
  })

  t.test('Back from a first password leads to a form that asks for it', async (t) => {
    const page = await enter(t, 'twice@example.com')
    await press(page, 'Set a password')
    const title = await page.title()
    await fill(page, 'New password', first)
    await press(page, 'Update password')
    await announced(page, /Your password was changed/)

    await page.goBack()
    await fill(page, 'Current password', first)
    await fill(page, 'New password', second)
    await press(page, 'Update password')

    await announced(page, /Your password was changed/)
    t.match(title, /^Set a password/)
  })

  t.test('a first password that was set in another window meanwhile is asked for', async (t) => {
    const page = await enter(t, 'windows@example.com')
    await press(page, 'Set a password')
    await page.evaluate(`fetch('${service.url}/v1/me/password', { method: 'PUT', body: '{"password":"${first}"}', headers: {
      'content-type': 'application/json', authorization: 'Bearer ' + JSON.parse(sessionStorage['postern.access']).token } })`)

    await fill(page, 'New password', second)
    await press(page, 'Update password')
    await fill(page, 'Current password', first)
    await fill(page, 'New password', second)
    await press(page, 'Update password')

    t.match(await announced(page, /Your password was changed/), /changed/)
  })

  t.test('who was signed out while a code was asked for is not led to it', async (t) => {
    const page = await enter(t, 'away@example.com')
    await letTimePass(page)
    const beside = await page.context().newPage()
    await beside.goto(site)
    await signedIn(beside)
    const asked = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    await page.route('**/v1/otp', async (route) => {
      asked.resolve()
      await released.promise
      await route.continue()
    })

    await press(page, 'Set a password')
    await asked.promise
    await press(beside, 'Sign out')
    await at(page, 'email')
    const answered = page.waitForResponse('**/v1/otp')
    released.resolve()
    await (await answered).finished()
    await page.waitForTimeout(200)

    t.equal(await page.locator('#screen').getAttribute('data-screen'), 'email')
  })
}
