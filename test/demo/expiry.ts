import type { BrowserContext, Page } from 'playwright-core'
import { until } from '../helper.ts'

/** Stands between a page and its `fetch`: inside the page, because the browser's debugger misses a request now and then. */
const WATCH = `{
  const send = window.fetch
  window.answers = []
  window.fetch = async (url, options) => {
    const headers = new Headers(options?.headers)
    const bearer = headers.get('authorization')
    if (bearer !== null && bearer === window.expired) headers.set('authorization', 'Bearer expired')
    else window.held = bearer ?? window.held
    const answer = await send(url, { ...options, headers })
    window.answers.push(answer.status + ' ' + new URL(answer.url).pathname)
    return answer
  }
}`

/** What the three requests of the account's screen are answered with. */
const LOADED = ['200 /v1/me/devices', '200 /v1/me/sessions', '200 /v1/session']

/** What a person does who comes back to a tab. */
export const lookAgain = `document.dispatchEvent(new Event('visibilitychange'))`

/** For every page opened from now on. */
export async function watchTokens(context: BrowserContext): Promise<void> {
  await context.addInitScript(WATCH)
}

/** Lets the access token of each page run out, as after ten minutes: the service refuses it from now on. */
export async function expireTokens(pages: Page[]): Promise<void> {
  for (const page of pages) {
    await page.evaluate(`window.answers = []; ${lookAgain}`)
    await loaded(page)
    await page.evaluate('window.expired = window.held; window.answers = []')
  }
}

/** Waits until the account's screen has all it asks for. @returns every answer since the token ran out, as `200 /path` */
export async function loaded(page: Page): Promise<string[]> {
  return await until(async () => {
    const answers = await page.evaluate<string[]>('window.answers')
    return LOADED.every((answer) => answers.includes(answer)) ? answers : undefined
  })
}
