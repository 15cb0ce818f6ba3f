import { type ChildProcess, fork, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'

const ROOT = join(import.meta.dirname, '..')
const LOOK_EVERY = 3 // milliseconds
const PATIENCE = 30_000

export type Child = {
  url: string
  process: ChildProcess
  /** Milliseconds from the spawn to the first 200. */
  readyAfter: number
  stop: () => Promise<void>
}

type ServerOptions = {
  script: string
  nodeFlags?: readonly string[]
  env: Record<string, string>
  ready: string
  logFile: string
}

/** Starts a server of ours on a free port and waits until it is ready; with a channel, so that it can be asked things. */
export async function startServer({ script, nodeFlags = [], env, ready, logFile }: ServerOptions): Promise<Child> {
  const port = await freePort()
  const { PATH = '', HOME = '', TMPDIR } = process.env // and no setting of the person who runs this
  const log = openSync(logFile, 'a')
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...nodeFlags, join(ROOT, script)], {
    cwd: ROOT,
    env: { PATH, HOME, ...(TMPDIR && { TMPDIR }), HOST: '127.0.0.1', PORT: String(port), ...env },
    stdio: ['ignore', log, log, 'ipc']
  })
  closeSync(log)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const told = () => `${script} does not run:\n${readFileSync(logFile, 'utf8').split('\n').slice(-12).join('\n')}`
  while (!(await answers(url + ready))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(told())
    if (performance.now() - startedAt > PATIENCE) {
      child.kill('SIGKILL')
      throw new Error(told())
    }
    await sleep(LOOK_EVERY)
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGINT') // SIGTERM has the service linger for a load balancer
    await gone
  }
  return { url, process: child, readyAfter: performance.now() - startedAt, stop }
}

async function answers(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, { reset: true })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

export type Helper = { first: Promise<unknown>; ask: <T>(question: string) => Promise<T>; stop: () => void }

/** Starts a process that answers each message with one message; its first says that it is there. */
export function startHelper(file: string, given: readonly string[] = []): Helper {
  const child = fork(join(import.meta.dirname, file), given)
  return {
    first: nextMessage(child),
    ask: (question) => ask(child, question),
    stop: () => child.disconnect()
  }
}

export async function ask<T>(child: ChildProcess, question: string): Promise<T> {
  const answer = nextMessage(child)
  child.send(question)
  return (await answer) as T
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${child.spawnfile} ended before it answered`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}

/** MiB a process holds in memory; undefined where the system does not say. */
export function residentMemory(child: ChildProcess): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
    return found ? Number(found[1]) / 1024 : undefined
  } catch {
    return undefined
  }
}

/** Linux counts a process' time in hundredths of a second, whatever the kernel's own clock does. */
const TICK_MS = 10

/** Milliseconds of processor time a process has used; undefined where the system does not say. */
export function processorTime(child: ChildProcess): number | undefined {
  try {
    const afterName = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(afterName[11]) + Number(afterName[12])) * TICK_MS
  } catch {
    return undefined
  }
}
