import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../db/own-server.ts'
import { until } from '../helper.ts'
import { chromiumProgram, launchBrowser } from './browser.ts'
import { inboxOf, signIn } from './demo.ts'

/** Seconds from the first byte of a clone to somebody signed in, the installation included; npm's cache is taken to be warm. */
const MOST = 60

/**
 * Does what the README tells a newcomer to do, in a clone of what is committed here, and then what the newcomer does: opens the demo,
 * types an address, reads the code and is in. Prints the seconds, and fails when they are too many.
 */
const root = join(import.meta.dirname, '../..')
const command = /<!-- start command -->\n```console\n\$ (.+)\n/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
if (command === undefined) throw new Error('README.md has no start command')
chromiumProgram() // before the clock runs: whoever comes has a browser

const folder = mkdtempSync(join(tmpdir(), 'postern-clone-'))
chmodSync(folder, 0o755) // a root's server runs as somebody else, who has to reach it
const clone = join(folder, 'postern')
const port = await freePort()
const url = `http://localhost:${port}`

const begun = performance.now()
const seconds = (): number => (performance.now() - begun) / 1000
execFileSync('git', ['clone', '--quiet', '--no-local', root, clone], { stdio: 'inherit' })
const cloned = seconds()

const service = spawn('bash', ['-c', command], {
  cwd: clone,
  env: { ...process.env, NODE_ENV: 'development', PORT: port, DATA_DIR: join(folder, 'data') },
  detached: true, // a group of its own, to be stopped as Ctrl-C stops it
  stdio: ['ignore', 'pipe', 'pipe']
})
const exited = once(service, 'exit')
let log = ''
for (const stream of [service.stdout, service.stderr]) stream.on('data', (part) => (log += part))

try {
  await until(async () => {
    if (service.exitCode !== null) throw new Error(`\`${command}\` ended by ${service.exitCode}`)
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    return answer?.ok
  }, 5 * MOST)
  const ready = seconds()

  const browser = await launchBrowser()
  try {
    await signIn(await browser.newContext(), { url, ...inboxOf(url) }, 'maya@example.com')
    const total = seconds()
    const parts = `clone ${cloned.toFixed(1)}, ${command} ${(ready - cloned).toFixed(1)}, browser ${(total - ready).toFixed(1)}`
    console.log(/^added .+$/m.exec(log)?.[0] ?? '')
    console.log(`signed in ${total.toFixed(1)} s after the clone began (${parts}); at most ${MOST}`)
    if (total > MOST) process.exitCode = 1
  } finally {
    await browser.close()
  }
} catch (error) {
  console.error(log)
  throw error
} finally {
  if (service.exitCode === null) process.kill(-(service.pid as number), 'SIGINT')
  await exited
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
