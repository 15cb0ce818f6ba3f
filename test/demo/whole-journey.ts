import type { BrowserContext } from 'playwright-core'
import type { Test } from 'tap'
import { wrongCode } from '../helper.ts'
import { announced, askForCode, at, fault, press, type Service, signedIn, signIn } from './demo.ts'
import { lookAgain } from './expiry.ts'

/** A demo and the service that it uses. */
type World = {
  service: Service
  /** Origin of the demo's pages, which mails with a link lead to. */
  site: string
  /** A browser, or a profile of one, that has no session yet. */
  visitor: (t: Test) => Promise<BrowserContext>
}

/** All that happens on the way to an account, as tests of `t`: wherever the pages are, and whatever their browser allows. */
export function testJourney(t: Test, { service, site, visitor }: World): void {
  t.test('a typing mistake in the address is pointed out, and blocks nobody', async (t) => {
    const page = await (await visitor(t)).newPage()
    await page.goto(site)

    await page.getByLabel('Email address').fill('noah@gmail.con')
    await press(page, 'Next')
    const question = await page.locator('#suggestion:not([hidden]) #meant').innerText()
    await press(page, 'No, noah@gmail.con is right')
    await at(page, 'code')
    const insisted = await page.locator('#lead').innerText()
    await press(page, 'Use another address')
    await press(page, 'Next')
    await press(page, 'Yes, use noah@gmail.com')
    await at(page, 'code')
    const taken = await page.locator('#lead').innerText()

    t.equal(question, 'Did you mean noah@gmail.com?')
    t.match(insisted, 'noah@gmail.con.')
    t.match(taken, 'noah@gmail.com.')
  })

  t.test('what is no address is told before anything is sent', async (t) => {
    const page = await (await visitor(t)).newPage()
    await page.goto(site)

    await page.getByLabel('Email address').fill('noah at gmail')
    await press(page, 'Next')

    t.match(await fault(page), /does not look like an email address/)
    t.equal(await page.evaluate('document.activeElement.id'), 'email')
  })

  t.test('a wrong code costs a try and says so; the last one leads to a new code', async (t) => {
    const email = 'wrong@example.com'
    const page = await (await visitor(t)).newPage()
    await page.goto(site)
    await askForCode(page, email)
    const code = await service.mailedCode(email)
    const told: string[] = []

    for (let guess = 1; guess <= 3; guess++) {
      await page.getByLabel(/^Code/).fill(wrongCode(code))
      await Promise.all([page.waitForResponse(/verify/), press(page, 'Continue')])
      told.push(await fault(page))
    }
    const before = await service.newestMail(email)
    const useless = await page.getByRole('button', { name: 'Continue' }).isVisible()
    await press(page, 'Send a new code')
    await announced(page, /A new code is on its way/)
    const after = await service.newestMail(email, before.id)
    await page.getByLabel(/^Code/).fill(/^\d{6,8}$/m.exec(after.text)?.[0] ?? '')
    await press(page, 'Continue')

    t.match(told, [/2 tries left/, /1 try left/, /no longer valid/])
    t.notOk(useless, 'what could only be refused is not offered')
    t.equal(await signedIn(page), email)
  })

  t.test('what is no code costs no try, and the request number of a wrong one is in the console', async (t) => {
    const email = 'dashes@example.com'
    const page = await (await visitor(t)).newPage()
    const warned: string[] = []
    page.on('console', (message) => message.type() === 'warning' && warned.push(message.text()))
    await page.goto(site)
    await askForCode(page, email)
    const code = await service.mailedCode(email)
    const tell = async (typed: string) => {
      await page.getByLabel(/^Code/).fill(typed)
      const answered = page.waitForResponse(/verify/)
      await press(page, 'Continue')
      return [await fault(page), (await (await answered).json()).instance]
    }

    const [empty] = await tell('- -')
    const [wrong, instance] = await tell(wrongCode(code))

    t.equal(empty, 'Type the code from the mail.')
    t.match(wrong, /2 tries left/)
    t.match(warned.at(-1), `POST /v1/otp/verify was refused: code-rejected ${instance}`)
  })

  t.test('the code is sent again when the countdown is over, and is the same', async (t) => {
    const email = 'again@example.com'
    const page = await (await visitor(t)).newPage()
    await page.goto(site)
    await askForCode(page, email)
    const first = await service.newestMail(email)

    await page.locator('#resend:not([aria-disabled])').click()
    await announced(page, /same code is on its way/)
    const second = await service.newestMail(email, first.id)
    const offered = await page.locator('#resend').innerText()
    // As a person pastes it: with a space in the middle.
    const code = /^\d{6}$/m.exec(first.text)?.[0] ?? ''
    await page.getByLabel(/^Code/).fill(`${code.slice(0, 3)} ${code.slice(3)} `)
    await press(page, 'Continue')

    t.match(second.text, code)
    t.equal(offered, 'Send a new code', 'there is no resend left')
    t.equal(await signedIn(page), email)
  })

  t.test('a password is forgotten, the link in the mail sets a new one, and every old session is out', async (t) => {
    const email = 'forgetful@example.com'
    const laptop = await visitor(t)
    const old = await signIn(await visitor(t), service, email, site)
    const page = await laptop.newPage()
    await page.goto(site)
    await askForCode(page, email)
    const code = await service.mailAskedBy(page, email)

    await press(page, 'Login with password instead')
    await page.getByLabel('Password', { exact: true }).fill('I do not remember it')
    await press(page, 'Sign in')
    const refused = await fault(page)
    await press(page, 'Forgot your password?')
    await press(page, 'Validate')
    await at(page, 'sent')
    await service.newestMail(email, code.id)

    // The mail is read, and its button pressed, on the page that stands for the mailbox.
    const mailbox = await laptop.newPage()
    await mailbox.goto(`${service.url}/dev/inbox?to=${email}`)
    const subject = await mailbox.locator('#mail h2').innerText()
    const frame = mailbox.frameLocator('iframe')
    const [reset] = await Promise.all([
      laptop.waitForEvent('page'),
      frame.getByRole('link', { name: 'Update password' }).click()
    ])
    await at(reset, 'reset')
    const [lead, address] = [await reset.locator('#lead').innerText(), reset.url()]
    await reset.getByLabel('New password').fill('short')
    await press(reset, 'Update password')
    const tooShort = await fault(reset)
    await reset.getByLabel('New password').fill(email + email)
    await press(reset, 'Update password')
    await reset.locator('[role=alert]', { hasText: /address/ }).waitFor()
    await reset.getByLabel('New password').fill('rowing boats at dawn, twice')
    await press(reset, 'Update password')
    await at(reset, 'updated')
    const ended = await reset.locator('#lead').innerText()

    await reset.getByRole('link', { name: 'Sign in' }).click()
    await reset.getByLabel('Email address').fill(email)
    await press(reset, 'Next')
    await reset.getByLabel('Password', { exact: true }).fill('rowing boats at dawn, twice')
    await press(reset, 'Sign in')
    const whose = await signedIn(reset)
    await old.evaluate(lookAgain)
    await at(old, 'email')

    t.match(refused, /do not match/)
    t.equal(subject, 'Postern account password change')
    t.match(lead, /f•+@example\.com/)
    t.equal(address, `${site}/reset-password.html`, 'the token has left the address bar')
    t.match(tooShort, /too short/)
    t.match(ended, /^1 session was ended/)
    t.equal(whose, email)
    t.match(await announced(old, /ended/), /Please sign in again/)
  })

  t.test('a link that was used or made up says so, and leads to a new one', async (t) => {
    const page = await (await visitor(t)).newPage()

    await page.goto(`${site}/reset-password.html#token=rst_madeup`)
    await at(page, 'dead')
    await page.getByRole('link', { name: 'Ask for a new link' }).click()
    await at(page, 'forgot')

    t.equal(page.url(), `${site}/`)
  })
}
