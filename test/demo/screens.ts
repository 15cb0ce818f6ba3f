import type { BrowserContext, Page } from 'playwright-core'
import { announced, at, fault, press, type Service, signedIn } from './demo.ts'
import { lookAgain } from './expiry.ts'

/**
 * Goes through every screen there is, and stops at each.
 *
 * @param look is called on each screen, with its name
 */
export async function goThrough(
  context: BrowserContext,
  service: Service,
  look: (page: Page, name: string) => Promise<void>
): Promise<void> {
  const email = 'maya@example.com'
  const { api } = service.child
  const { body } = await api.requestOtp({ email })
  await api.verifyOtp({ challenge: body.challenge, code: await service.mailedCode(email) })
  const page = await context.newPage()
  const fill = (label: string | RegExp, text: string) => page.getByLabel(label, { exact: true }).fill(text)
  await page.goto(service.url)
  await look(page, 'email')
  await fill('Email address', 'maya')
  await press(page, 'Next')
  await fault(page)
  await look(page, 'email-wrong')
  await fill('Email address', 'maya@gmail.con')
  await press(page, 'Next')
  await page.locator('#suggestion:not([hidden])').waitFor()
  await look(page, 'email-suggestion')
  await fill('Email address', email)
  await press(page, 'Next')
  await at(page, 'code')
  const before = await service.mailAskedBy(page, email)
  await look(page, 'code')
  await fill(/^Code/, '000000')
  await press(page, 'Continue')
  await fault(page)
  await look(page, 'code-wrong')
  await press(page, 'Login with password instead')
  await at(page, 'password')
  await look(page, 'password')
  await fill('Password', 'certainly not this one')
  await press(page, 'Sign in')
  await fault(page)
  await look(page, 'password-wrong')
  await press(page, 'Forgot your password?')
  await look(page, 'forgot')
  await press(page, 'Validate')
  await at(page, 'sent')
  await look(page, 'sent')

  const link = /https?:\S+#token=\S+/.exec((await service.newestMail(email, before.id)).text)?.[0] ?? ''
  await page.goto(link)
  await at(page, 'reset')
  await look(page, 'reset')
  await fill('New password', 'short')
  await press(page, 'Update password')
  await fault(page)
  await look(page, 'reset-refused')
  await fill('New password', 'rowing boats at dawn, twice')
  await press(page, 'Update password')
  await at(page, 'updated')
  await look(page, 'updated')
  await page.goto(link)
  await at(page, 'dead')
  await look(page, 'dead')

  await page.goto(`${service.url}/#password`)
  await fill('Email address', email)
  await press(page, 'Next')
  await fill('Password', 'rowing boats at dawn, twice')
  await press(page, 'Sign in')
  await signedIn(page)
  await look(page, 'account')
  await press(page, 'Change password')
  await at(page, 'change')
  await look(page, 'change')
  await fill('Current password', 'certainly not this one')
  await fill('New password', 'rowing boats at dusk, once')
  await press(page, 'Update password')
  await fault(page)
  await look(page, 'change-refused')
  await press(page, 'Back')
  await signedIn(page)
  await press(page, 'Delete account')
  await at(page, 'leave')
  await look(page, 'leave')
  await press(page, 'Back')
  await signedIn(page)
  await context.setOffline(true)
  await page.evaluate(lookAgain)
  await page.locator('#outage p').waitFor()
  await look(page, 'account-outage')
  await context.setOffline(false)
  await page.locator('#outage:empty').waitFor({ state: 'attached' })
  await press(page, 'Sign out')
  await announced(page, /signed out/)
  await look(page, 'signed-out')
}

/** An address under attack gets a code that nobody guesses. */
export async function showLongCode(page: Page, service: Service): Promise<void> {
  await page.route('**/v1/otp', async (route) => {
    const answer = await route.fetch()
    const grown = { code_length: 13, code_alphabet: 'base32' }
    return await route.fulfill({ response: answer, json: { ...(await answer.json()), ...grown } })
  })
  await page.goto(service.url)
  await page.getByLabel('Email address').fill('target@example.com')
  await press(page, 'Next')
  await at(page, 'code')
  await page.getByLabel('Code of 13 letters and digits').fill('9c4k-7h2m-x5t8p')
}
