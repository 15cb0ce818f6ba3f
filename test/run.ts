import { execFileSync, spawn } from 'node:child_process'
import { existsSync, globSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { prepareTemplate, testServer } from './database.ts'

/**
 * Runs the suite, or the files and folders named on the command line, on one Postgres: that of TEST_DATABASE_URL, or one started for the
 * run. Prints a line a file, and everything of a file that failed; the last line says how many assertions passed and failed.
 */
const tap = join(dirname(createRequire(import.meta.url).resolve('tap/package.json')), 'dist/esm/run.mjs')

// tap fits itself to the plugins of .taprc when it first runs, and that first run fails; so it is fitted beforehand, once an
// installation: two runs that fit it at the same time would be in each other's way.
const fitted = join(import.meta.dirname, '../node_modules/.tap-fitted')
if (!existsSync(fitted)) {
  execFileSync(process.execPath, [tap, 'build'], { stdio: 'ignore' })
  writeFileSync(fitted, '')
}

/** What Node has compiled for one file, the next ones take from here. */
const compiled = join(import.meta.dirname, '../node_modules/.cache/compiled')

const isFolder = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isDirectory() === true
const asked = process.argv.slice(2).flatMap((word) => (isFolder(word) ? globSync(`${word}/**/*.test.ts`) : word))

const server = await testServer()
try {
  await prepareTemplate(server.url)
  // More files at once than cores: most of them wait for a server, a mail or a browser half of their time.
  const words = ['run', '--reporter=tap', `--jobs=${2 * availableParallelism()}`, ...asked]
  const child = spawn(process.execPath, [tap, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { NODE_COMPILE_CACHE: compiled, ...process.env, TEST_DATABASE_URL: server.url, NODE_ENV: 'test' }
  })
  const exit = new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))

  let held: string[] = []
  let totals = ''
  for await (const line of createInterface({ input: child.stdout })) {
    held.push(line)
    if (line.startsWith('# { total')) totals = line
    if (!/^(not )?ok /.test(line)) continue
    console.log(line.startsWith('ok') ? line.replace(/\{$/, '').trimEnd() : held.join('\n'))
    held = []
  }

  const code = await exit
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
  const [passed, failed] = [count('pass'), count('fail')]
  if (code !== 0) console.log(held.join('\n'))
  console.log(`${passed} passed, ${code === 0 ? failed : Math.max(1, failed)} failed`)
  process.exitCode = code === 0 && passed === 0 ? 1 : code
} finally {
  await server.stop()
}
