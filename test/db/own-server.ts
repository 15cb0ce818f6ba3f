import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startEmbedded } from '../../src/db/embedded.ts'
import { findSite } from '../../src/db/embedded-files.ts'
import { findPostmaster } from '../../src/db/embedded-process.ts'
import { query } from '../database.ts'
import { until } from '../helper.ts'

/** A port that nobody listens on. */
export async function freePort(): Promise<string> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return String(port)
}

/** A Postgres that a test may break, with the settings that an operator's has: what is acknowledged is on the disk. */
export async function ownServer(t: Test, more: Record<string, string> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-faults-'))
  const settings = { port: await freePort(), fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', ...more }
  const start = () => startEmbedded({ dataDir, settings })
  const { cluster, home } = findSite(dataDir, () => undefined)
  let running = await start()
  const postmaster = (): number => {
    const found = findPostmaster(cluster)
    if (found === undefined) throw new Error('the server does not run')
    return found.pid
  }
  t.teardown(async () => {
    await running.stop()
    for (const folder of [home, dataDir]) rmSync(folder, { recursive: true, force: true })
  })
  return {
    url: running.url,
    /** As `pg_ctl stop -m immediate`: no checkpoint, no goodbye; the next start recovers. */
    stopImmediately: async () => {
      process.kill(postmaster(), 'SIGQUIT')
      await until(() => findPostmaster(cluster) === undefined)
    },
    /** Stops every process of it in mid-air, as a host that is lost does; call what it returns to let them go on. */
    freeze: async () => {
      const all = await query<{ pid: number }>(
        running.url,
        'select pid from pg_stat_activity where pid <> pg_backend_pid()'
      )
      const frozen = [postmaster(), ...all.map(({ pid }) => pid)]
      const wake = () => {
        for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT')
      }
      t.teardown(wake)
      for (const pid of frozen) process.kill(pid, 'SIGSTOP')
      return wake
    },
    /** On the same port, with the same data. */
    startAgain: async () => {
      running = await start()
    }
  }
}
