import { mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MINUTE } from '../lib/time.ts'
import { lives, markOf, until } from './embedded-process.ts'

/** A first start takes about two seconds, a recovery after a crash may take ten times that. */
const PATIENCE = 2 * MINUTE

/**
 * Waits for a lock between processes, and returns a function that releases it. The lock is a folder with one file, named after
 * its holder's life. A folder can only be renamed onto an empty one or to a free name, so one process wins; and a dead holder's
 * file is removed by its name, so a latecomer never removes the lock of a process that took over before it.
 */
export async function takeLock(path: string): Promise<() => void> {
  const mark = String(markOf(process.pid))
  const draft = mkdtempSync(`${path}-`)
  writeFileSync(join(draft, mark), '')
  const taken = await until(() => {
    clearDead(path)
    return allowing(['ENOTEMPTY', 'EEXIST', 'EPERM'], () => renameSync(draft, path))
  }, PATIENCE)
  if (!taken) {
    rmSync(draft, { recursive: true })
    throw new Error(`another process has held ${path} for two minutes (${readdirSync(path)})`)
  }
  const drafts = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}-`))
  for (const name of drafts) clearDead(join(dirname(path), name))
  return () => {
    rmSync(join(path, mark))
    allowing(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => rmdirSync(path))
  }
}

function clearDead(path: string): void {
  allowing(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => {
    const holders = readdirSync(path)
    for (const holder of holders) if (!lives(holder)) rmSync(join(path, holder), { force: true })
    if (holders.length > 0) rmdirSync(path) // an empty one may be a draft that is about to get its file
  })
}

/** Runs a file operation that another process may have done first. False when it failed with one of these codes. */
function allowing(codes: string[], act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
