import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import type { Test } from 'tap'
import { debianProgram } from '../debian.ts'

/** As root in a container there is no user to sandbox for, and no room in /dev/shm. */
const ARGUMENTS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']

/** Debian's Chromium; installs it when there is none. */
export function chromiumProgram(): string {
  const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  return debianProgram('chromium', () => paths.find(existsSync))
}

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumProgram(), args: ARGUMENTS })

/** One browser for a test file; each `visitor` is a profile of its own, as on another machine. */
export async function openBrowser(t: Test) {
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  return { browser, visitor: visitorOf(browser) }
}

const visitorOf =
  (browser: Browser) =>
  async (t: Test, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    t.teardown(() => context.close())
    watch(t, context)
    return context
  }

/** A browser whose owner has blocked all cookies, and with them every storage of pages. */
export async function openBrowserWithoutCookies(t: Test): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'postern-profile-'))
  mkdirSync(join(profile, 'Default'))
  const blocked = { profile: { default_content_setting_values: { cookies: 2 } } }
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(blocked))
  const options = { executablePath: chromiumProgram(), args: ARGUMENTS, locale: 'en-GB' }
  const context = await chromium.launchPersistentContext(profile, options)
  t.teardown(async () => {
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  })
  watch(t, context)
  return context
}

/** Whatever a page's script throws, or the policy stops, fails the test. An answer that is a refusal is the page's to tell. */
function watch(t: Test, context: BrowserContext): void {
  context.on('weberror', (error) => t.fail(`a page failed: ${error.error().stack}`))
  context.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) t.fail(message.text())
  })
}
