import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { milliseconds, monotonicNow } from '../lib/time.ts'
import { findBinaries, findSite, type Site } from './embedded-files.ts'
import { takeLock } from './embedded-lock.ts'
import { findPostmaster, LOOK_AGAIN, lives, markOf, readIfThere, stopPostmaster } from './embedded-process.ts'
import {
  launchUnlessInUse,
  makeCluster,
  makeDatabase,
  ownerFile,
  query,
  READY_PATIENCE,
  urlOf
} from './embedded-server.ts'

export type Embedded = {
  url: string
  stop: () => Promise<void>
  /** True when another live call owns the server: `stop` then leaves it running. */
  attached: boolean
}

/**
 * Starts a real Postgres on this machine, for development and tests, or attaches to the one that runs for `dataDir`.
 *
 * It listens on 127.0.0.1, on a port that differs from start to start; its password lies in a file that only the
 * starting user can read. The server has a process group of its own, so that Ctrl+C reaches the service alone, and
 * outlives an owner that is killed; the next start stops it and starts another.
 *
 * @param options.settings go to Postgres as they are (`{ fsync: 'off' }`), over ours; ignored when attaching
 * @param options.say gets what a person should know, a line at a time
 * @throws where npm has no Postgres for the platform
 */
export async function startEmbedded(options: {
  dataDir: string
  settings?: Record<string, string>
  say?: (line: string) => void
}): Promise<Embedded> {
  const say = options.say ?? (() => {})
  const site = findSite(options.dataDir, say)
  const release = await takeLock(join(site.home, 'lock'))
  try {
    return (await attach(site, say)) ?? (await start(site, options.settings ?? {}))
  } finally {
    release()
  }
}

/** Undefined when no server runs, or none any more: one whose owner is dead is stopped. */
async function attach({ home, cluster }: Site, say: (line: string) => void): Promise<Embedded | undefined> {
  const found = findPostmaster(cluster)
  if (found === undefined) return undefined
  if (!lives(readIfThere(ownerFile(home)) ?? '')) {
    say(`stopping the Postgres that a killed process left behind (process ${found.pid})`)
    await stopPostmaster(found.pid, cluster)
    return undefined
  }
  const url = urlOf(home, found.port)
  const deadline = monotonicNow() + READY_PATIENCE
  // It may be ending: a process that stops a server does not hold the lock.
  while (findPostmaster(cluster)?.pid === found.pid) {
    try {
      await query(url, 'select 1')
      return { url, attached: true, stop: async () => {} }
    } catch (error) {
      if (monotonicNow() > deadline) throw error
      await sleep(milliseconds(LOOK_AGAIN))
    }
  }
  return undefined
}

async function start(site: Site, settings: Record<string, string>): Promise<Embedded> {
  const { home, cluster, user } = site
  const binaries = await findBinaries(user)
  if (!existsSync(cluster)) await makeCluster(site, binaries)
  const { pid, port } = await launchUnlessInUse(site, binaries, settings)
  try {
    await makeDatabase(home, port)
  } catch (error) {
    await stopPostmaster(pid, cluster)
    throw error
  }
  let stopped: Promise<void> | undefined
  return {
    url: urlOf(home, port),
    attached: false,
    stop: () => {
      stopped ??= stop(site, pid)
      return stopped
    }
  }
}

async function stop({ home, cluster }: Site, pid: number): Promise<void> {
  // The server may be dead and another one started since: then the record is no longer about ours.
  const current = findPostmaster(cluster)?.pid ?? pid
  if (current === pid && readIfThere(ownerFile(home)) === markOf(process.pid)) rmSync(ownerFile(home))
  await stopPostmaster(pid, cluster)
}
