import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { milliseconds, monotonicNow } from '../lib/time.ts'

/** Whom the server runs as; undefined is the user who starts it. */
export type ServerUser = { uid: number; gid: number } | undefined

/** What a living postmaster writes about itself in its cluster's postmaster.pid; `ready` when it accepts connections. */
export type Postmaster = { pid: number; port: number; ready: boolean }

/** Seconds between two looks: a warm start takes some fifty milliseconds, a look far less than one. */
export const LOOK_AGAIN = 0.01
/** Seconds to end in order. */
const STOP_PATIENCE = 10

/** Polls until something is true or so many seconds have passed; returns whether it came true. */
export async function until(isTrue: () => boolean, patience: number): Promise<boolean> {
  const deadline = monotonicNow() + patience
  while (!isTrue()) {
    if (monotonicNow() > deadline) return false
    await sleep(milliseconds(LOOK_AGAIN))
  }
  return true
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * Starts a program of Postgres. It gets nothing of our environment, which may hold secrets: the server's user may have
 * other programs (`nobody` often has), and those can read the environment of this one.
 */
export function spawnServerProgram(
  path: string,
  args: string[],
  options: { user: ServerUser; output: 'pipe' | number; detached?: boolean }
): ChildProcess {
  return spawn(path, args, {
    ...options.user,
    cwd: '/', // ours may be a folder that the server's user cannot enter
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', options.output, options.output],
    detached: options.detached ?? false,
    windowsHide: true
  })
}

/** Runs a program of Postgres to its end. Throws with what it wrote when it did not start or failed. */
export async function runServerProgram(path: string, args: string[], user: ServerUser): Promise<void> {
  const child = spawnServerProgram(path, args, { user, output: 'pipe' })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (written += part))
  const fault = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code) => resolve(code === 0 ? undefined : written.trim()))
  })
  if (fault !== undefined) throw new Error(`${path} failed: ${fault}`)
}

/**
 * Names one life of a process id, fit for a file's name: ids are used again, after a reboot and in every new container
 * (where the first process is always 1). Undefined when no such process lives.
 */
export function markOf(pid: number): string | undefined {
  if (process.platform === 'win32') return exists(pid) ? String(pid) : undefined
  const life = process.platform === 'linux' ? startOnLinux(pid) : ps(pid, 'lstart=')
  return life === '' ? undefined : `${pid}-${life.replace(/\W+/g, '-')}`
}

export function lives(mark: string): boolean {
  return markOf(Number.parseInt(mark, 10)) === mark
}

function startOnLinux(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`)
  // proc_pid_stat(5): after the name in brackets, which may hold anything, the state and, 19 on, the start since boot.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields === undefined || fields[0] === 'Z') return '' // Z: ended, and its parent may never look
  return `${readIfThere('/proc/sys/kernel/random/boot_id')?.slice(0, 8)}-${fields[19]}`
}

function ps(pid: number, column: string): string {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' } // two processes must see one time written in one way
  return spawnSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8', env }).stdout?.trim() ?? ''
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The living postmaster of a cluster. Its postmaster.pid alone proves nothing: the id may be another program's by now. */
export function findPostmaster(cluster: string): Postmaster | undefined {
  // Lines: process id, data directory, start, port, socket directory, address, shared memory, status.
  const lines = readIfThere(join(cluster, 'postmaster.pid'))?.split('\n') ?? []
  const pid = Number.parseInt(lines[0] ?? '', 10)
  if (!isPostmaster(pid, cluster)) return undefined
  return { pid, port: Number.parseInt(lines[3] ?? '', 10), ready: lines[7]?.trim() === 'ready' }
}

function isPostmaster(pid: number, cluster: string): boolean {
  if (!(pid > 0)) return false
  if (process.platform === 'win32') return exists(pid)
  if (process.platform !== 'linux') return ps(pid, 'command=').includes(` -D ${cluster} `)
  return readIfThere(`/proc/${pid}/cmdline`)?.split('\0').includes(cluster) ?? false
}

/**
 * Lets a server start over the postmaster.pid of a dead one. Postgres refuses while the id in it belongs to any living
 * process of its user, except to its own parent: so the id becomes ours. The file must not go: without it
 * Postgres would not look for backends that outlived their postmaster, and both would write to the cluster.
 */
export function disarmPostmasterFile(cluster: string): void {
  const path = join(cluster, 'postmaster.pid')
  const lines = readIfThere(path)?.split('\n')
  if (lines === undefined) return
  if (lines.length < 2)
    rmSync(path) // only half written: no backend was started from it, and Postgres would refuse it for ever
  else writeFileSync(path, [process.pid, ...lines.slice(1)].join('\n'))
}

/** Stops a postmaster and waits for its end: in order, or after ten seconds at once (the next start then recovers). */
export async function stopPostmaster(pid: number, cluster: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isPostmaster(pid, cluster)) return
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    if (await until(() => !isPostmaster(pid, cluster), STOP_PATIENCE)) return
  }
  throw new Error(`Postgres did not stop (process ${pid})`)
}
