import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Presets, SingleBar } from 'cli-progress'
import type { Environment } from '../lib/env.ts'
import { linesOf } from '../lib/lines.ts'
import { type Act, administer, deleteByOperator } from '../user/administer.ts'
import { exportUsers } from '../user/export-users.ts'
import { importUsers } from '../user/import-users.ts'
import { NO_ACCOUNT, UNNAMED_ACCOUNT, withAddress } from './with-address.ts'
import { withContext } from './with-context.ts'

/** The longest line of an import, in bytes; an account with the longest hash has some 2,000. */
const LONGEST_LINE = 16 * 1024

/** Closes or opens an account, or ends its sessions; exit code 1 when there is none. */
export async function administerUser(env: Environment, act: Act, address: string | undefined): Promise<number> {
  return await withAddress(env, { address, unnamed: UNNAMED_ACCOUNT }, async (ctx, emailKey) => {
    const done = await administer(ctx, act, emailKey)
    if (done === undefined) return noAccount()
    const ended = sessionsEnded(done.sessionsEnded)
    const told = {
      disable: done.changed ? `Disabled; ${ended}.` : 'The account was already disabled.',
      enable: done.changed ? 'Enabled.' : 'The account was already enabled.',
      'end-sessions': `${ended[0]?.toUpperCase()}${ended.slice(1)}.`
    }
    console.log(told[act])
    return 0
  })
}

/** Deletes an account and all that belongs to it; exit code 1 when there is none. */
export async function deleteUserAt(env: Environment, address: string | undefined): Promise<number> {
  return await withAddress(env, { address, unnamed: UNNAMED_ACCOUNT }, async (ctx, emailKey) => {
    const sessions = await deleteByOperator(ctx, emailKey)
    if (sessions === undefined) return noAccount()
    console.log(`Deleted; ${sessionsEnded(sessions)}.`)
    return 0
  })
}

function noAccount(): number {
  console.error(NO_ACCOUNT)
  return 1
}

const sessionsEnded = (count: number): string => `${count} ${count === 1 ? 'session' : 'sessions'} ended`

/**
 * Imports accounts from a file of JSON lines. The report of refused lines goes to standard output, the progress to a
 * terminal at standard error; exit code 1 when a line was refused.
 */
export async function importFile(env: Environment, file: string | undefined): Promise<number> {
  if (file === undefined) {
    console.error('Name the file: users import FILE.')
    return 2
  }
  const { size } = await stat(file)
  return await withContext(env, async (ctx) => {
    const bar = new SingleBar({ format: '{bar} {percentage} %, {eta_formatted} left' }, Presets.legacy)
    bar.start(size, 0) // draws nothing where there is no terminal
    try {
      const { imported, known, refused } = await importUsers(
        ctx,
        linesOf(createReadStream(file), LONGEST_LINE),
        (line, reason) => console.log(`line ${line}: ${reason}`),
        (bytes) => bar.update(bytes)
      )
      bar.update(size)
      bar.stop()
      const totals = `${imported} imported, ${known} already there, ${refused} refused`
      console.log(totals)
      if (process.stdout.errored) console.error(totals) // the reader of the report has gone
      return refused === 0 ? 0 : 1
    } finally {
      bar.stop()
    }
  })
}

/** Prints every account; a reader that goes away ends it. */
export async function exportFile(env: Environment): Promise<number> {
  return await withContext(env, async (ctx) => {
    try {
      await pipeline(Readable.from(exportUsers(ctx)), process.stdout, { end: false })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    }
    return 0
  })
}
