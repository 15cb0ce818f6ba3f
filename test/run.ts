/**
 * Runs the suite, or the files and folders named on the command line, on one Postgres: that of TEST_DATABASE_URL, or one started for the
 * run. Prints a line a file, and everything of a file that failed; the last line says how many assertions passed and failed.
 */
import { spawn } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { prepareTemplate, testServer } from './database.ts'

/** What Node has compiled for one file, the next ones take from here. */
const compiled = join(import.meta.dirname, '../node_modules/.cache/compiled')

const isFolder = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isDirectory() === true
const words = process.argv.length > 2 ? process.argv.slice(2) : [import.meta.dirname]
const files = words.flatMap((word) => (isFolder(word) ? globSync(`${word}/**/*.test.ts`).sort() : word))

const server = await testServer()
try {
  await prepareTemplate(server.url)
  // More files at once than cores: most of them wait for a server, a mail or a browser half of their time.
  const jobs = String(2 * availableParallelism())
  const child = spawn(process.execPath, [join(import.meta.dirname, 'suite.ts'), jobs, ...files], {
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
  const passed = count('pass')
  const failed = count('fail') + count('skip') // a file without a test is skipped, and nothing else may be
  const isGreen = code === 0 && failed === 0 && passed > 0
  if (code !== 0) console.log(held.join('\n'))
  console.log(`${passed} passed, ${isGreen ? 0 : Math.max(1, failed)} failed`)
  process.exitCode = isGreen ? 0 : 1
} finally {
  await server.stop()
}
