import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { InboxMail } from '../../src/mail/dev-inbox.ts'
import { startChild } from '../child.ts'
import { makeDatabase, testServer } from '../database.ts'
import { freePort } from '../db/own-server.ts'
import { codeIn, newKey, type Settings, until } from '../helper.ts'

/** The mails that a service in development has sent, as a person finds them. */
export function inboxOf(url: string) {
  const mailsTo = async (to: string): Promise<InboxMail[]> => {
    const answer = await fetch(`${url}/dev/inbox.json?to=${encodeURIComponent(to)}`)
    return ((await answer.json()) as { mails: InboxMail[] }).mails
  }
  const newestMail = (to: string, after?: string): Promise<InboxMail> =>
    until(async () => {
      const [mail] = await mailsTo(to)
      return mail?.id === after ? undefined : mail
    })
  const mailWith = (to: string, words: string): Promise<InboxMail> =>
    until(async () => (await mailsTo(to)).find(({ text }) => text.includes(words)))
  const mailedCode = async (to: string): Promise<string> => codeIn((await newestMail(to)).text)
  /** The mail of the code that a page asks for, told from earlier ones by the reference on both. */
  const mailAskedBy = async (page: Page, to: string): Promise<InboxMail> =>
    await mailWith(to, await page.locator('#reference').innerText())
  return { newestMail, mailWith, mailedCode, mailAskedBy }
}

/** The service as `npm start` runs it, at the address that it knows itself by; and its mails. */
async function startService(t: Test, settings: Settings = {}) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const child = await startChild(t, {
    NODE_ENV: 'development',
    PORT: port,
    PUBLIC_URL: url,
    CLIENT_LIMITS: 'off',
    BCRYPT_COST: '4',
    ...settings
  })
  t.teardown(() => child.end('SIGINT'))
  return { url, child, ...inboxOf(url) }
}
export type Service = Awaited<ReturnType<typeof startService>>

/** As `startService`, on a database of the test run's server, which `sql` reaches. */
export async function startOnTestServer(t: Test, settings: Settings = {}) {
  const server = await testServer()
  const database = await makeDatabase(server.url)
  t.teardown(() => database.drop())
  const service = await startService(t, { DATABASE_URL: database.url, SECRET_KEYS: newKey(), ...settings })
  return { ...service, sql: database.sql }
}

/** As `startService`, on the embedded database in a folder of its own: nothing but the clone and Node. */
export async function startOnEmbedded(t: Test, settings: Settings = {}): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'))
  chmodSync(folder, 0o755) // a root's server runs as somebody else, who has to reach it
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return await startService(t, { DATA_DIR: join(folder, 'data'), TMPDIR: folder, ...settings })
}

/** Waits until a screen is shown. */
export const at = (page: Page, screen: string) => page.waitForSelector(`#screen[data-screen="${screen}"]`)

export const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()

/** What the page says is wrong, once it says something. */
export const fault = async (page: Page): Promise<string> => {
  const told = page.locator('[role=alert]:not(:empty)')
  await told.waitFor()
  return await told.innerText()
}

/** What the page has announced, once it has. */
export const announced = async (page: Page, text: RegExp): Promise<string> => {
  const status = page.locator('#status').filter({ hasText: text })
  await status.waitFor()
  return await status.innerText()
}

/** From an open page to the screen that asks for the code. */
export async function askForCode(page: Page, email: string): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await press(page, 'Next')
  await at(page, 'code')
}

/** A whole sign-in by code. */
export async function signIn(
  context: BrowserContext,
  service: Pick<Service, 'url' | 'mailAskedBy'>,
  email: string,
  url = service.url
): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await askForCode(page, email)
  await page.getByLabel(/^Code/).fill(codeIn((await service.mailAskedBy(page, email)).text))
  await press(page, 'Continue')
  await signedIn(page)
  return page
}

/** Waits for the account, and tells whose it is. */
export async function signedIn(page: Page): Promise<string> {
  await at(page, 'account')
  await page.waitForSelector('#loaded:not([hidden])')
  return await page.locator('#address').innerText()
}
