import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type Api, apiOf, type Settings, until } from './helper.ts'

const program = fileURLToPath(new URL('../src/cli/postern.js', import.meta.url))

type Child = {
  url: string
  api: Api
  process: ChildProcess
  log: () => string
  /** Sends the signal and resolves with what the process ended by: an exit code or a signal, and the seconds it took. */
  end: (signal: NodeJS.Signals) => Promise<{ by: number | NodeJS.Signals | null; seconds: number }>
}

/** The service as an operator runs it: a process of its own, that signals reach. */
export async function startChild(t: Test, settings: Settings): Promise<Child> {
  const { PATH, HOME, TMPDIR } = process.env
  const env = { PATH, HOME, TMPDIR, NODE_ENV: 'test', PORT: '0', PUBLIC_URL: 'http://localhost:3000', ...settings }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (log += part))

  const url = await until(() => {
    if (child.exitCode !== null) throw new Error(`the service did not start: ${log}`)
    return /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0]
  }, 60) // a busy machine takes its time over a first start
  const end = async (signal: NodeJS.Signals) => {
    const begun = performance.now()
    child.kill(signal)
    const [code, by] = await exited
    return { by: code ?? by, seconds: (performance.now() - begun) / 1000 }
  }
  return { url, api: apiOf(url), process: child, log: () => log, end }
}
