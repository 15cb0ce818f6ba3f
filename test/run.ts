import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { prepareTemplate, testServer } from './database.ts'

/**
 * Runs the suite, or the files named on the command line, on one Postgres: that of TEST_DATABASE_URL, or one started for the run.
 * The last line says how many assertions passed and failed.
 */
const server = await testServer()
try {
  await prepareTemplate(server.url)
  const tap = join(dirname(createRequire(import.meta.url).resolve('tap/package.json')), 'dist/esm/run.mjs')
  const files = process.argv.slice(2)
  const child = spawn(
    process.execPath,
    [tap, 'run', '--reporter=terse', `--jobs=${availableParallelism()}`, ...files],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TEST_DATABASE_URL: server.url, NODE_ENV: 'test' }
    }
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    process.stdout.write(chunk)
  })
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))
  const count = (name: string): number => Number(new RegExp(`# \\{ total.*\\b${name}: (\\d+)`).exec(output)?.[1] ?? 0)
  const [passed, failed] = [count('pass'), count('fail')]
  console.log(`${passed} passed, ${code === 0 || failed > 0 ? failed : 1} failed`)
  process.exitCode = code === 0 && passed === 0 ? 1 : code
} finally {
  await server.stop()
}
