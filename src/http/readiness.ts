import { testModeNotice } from '../challenge/test-address.ts'
import type { Context } from '../context.ts'
import { DatabaseUnavailable, isConflict, sqlState } from '../db/failure.ts'
import { pendingMigrations } from '../db/migrate.ts'
import { isReadOnly } from '../db/read-only.ts'
import { missingKeys, missingKeysNotice } from '../keys/missing-keys.ts'
import { sharedLook } from '../lib/shared-look.ts'
import { MINUTE } from '../lib/time.ts'
import { Trouble } from '../lib/trouble.ts'
import { mailBacklog } from '../mail/store.ts'
import { OUT_OF_REACH, type Readiness, UNKNOWN } from './health.ts'

/**
 * Seconds that a due mail may wait while no courier works. A mail server that is down must not take sessions down with it: thousands of
 * links, which anybody may ask for, then wait longer than this for their turn.
 */
const MOST_OVERDUE = 15 * MINUTE
/** Seconds an answer is reused, so that nobody can load the database with these requests. */
const KEPT = 1
/** The most of a connection's time that looks for missing keys may take: each reads all codes, links and mails that live. */
const LOOKING_FOR_KEYS = 0.05

type MissingKeys = () => ReturnType<typeof missingKeys>
type Check = Readiness['checks'][string]
/** What lasts from one look to the next: whether the database is lost, and what each check found the last time it could see. */
type Memory = { loss: Trouble; seen: Map<string, Check> }

/** @param draining whether the process is shutting down */
export function readinessOf(ctx: Context, draining: () => boolean): () => Promise<Readiness> {
  const loss = new Trouble({
    begins: (error) =>
      ctx.log.warn({ reason: (error as Error).message, sqlState: sqlState(error) }, 'the database is not available'),
    ends: () => ctx.log.info('the database is available again')
  })
  const missing = sharedLook(KEPT, () => missingKeys(ctx), LOOKING_FOR_KEYS)
  const memory: Memory = { loss, seen: new Map() }
  const shared = sharedLook(KEPT, () => look(ctx, memory, missing))
  return async () => (draining() ? summary({ process: { ok: false, detail: 'shutting down' } }) : await shared())
}

/** What is wrong with the keys that are configured. */
export async function keyFault(
  ctx: Context,
  missing: MissingKeys = () => missingKeys(ctx)
): Promise<string | undefined> {
  const notice = missingKeysNotice(await missing())
  if (notice !== undefined) return notice
  const peppers = await ctx.passwords.missingPeppers()
  return peppers.length > 0 ? `PASSWORD_PEPPERS lacks keys in use: ${peppers.join(', ')}` : ctx.signing.fault
}

async function look(ctx: Context, memory: Memory, missing: MissingKeys): Promise<Readiness> {
  const check = checkOf(ctx.log, memory)
  const [writing, migrations, keys, mail] = await Promise.all([
    check('database', async () => ((await isReadOnly(ctx.db)) ? 'read-only' : undefined)),
    check('migrations', async () => {
      const pending = await pendingMigrations(ctx.db)
      return pending.length > 0 ? `missing: ${pending.join(', ')}` : undefined
    }),
    check('keys', () => keyFault(ctx, missing)),
    check('mail', async () => {
      const { overdue = 0, taken = false } = (await mailBacklog(ctx.db, {}))[0] ?? {}
      return overdue > MOST_OVERDUE && !taken ? `a mail has been due for ${Math.floor(overdue)} s` : undefined
    })
  ])
  const reached = [writing, migrations, keys, mail].every((result) => result !== UNKNOWN)
  if (reached) memory.loss.ends()
  const database = reached ? writing : OUT_OF_REACH
  const notice = testModeNotice(ctx.testAddresses)
  return summary({ database, migrations, keys, mail, ...(notice && { test_mode: { ok: true, detail: notice } }) })
}

const LOCKED = 'a table is locked; this is as it was found before'

/** What was seen last, until the lock is gone: whoever locks one table must not have every instance taken out of the balancer. */
const whileLocked = ({ ok, detail }: Check = { ok: true }): Check => ({
  ok,
  detail: detail === undefined ? LOCKED : `${detail} (${LOCKED})`
})

const checkOf =
  (log: Context['log'], { loss, seen }: Memory) =>
  async (name: string, fault: () => Promise<string | undefined>): Promise<Check> => {
    try {
      const detail = await fault()
      const found = detail === undefined ? { ok: true } : { ok: false, detail }
      seen.set(name, found)
      return found
    } catch (error) {
      if (isConflict(error)) return whileLocked(seen.get(name))
      if (error instanceof DatabaseUnavailable) {
        loss.begins(error)
        return UNKNOWN
      }
      log.error({ err: error }, 'a readiness check failed')
      return { ok: false, detail: 'the check failed; see the log' }
    }
  }

const summary = (checks: Readiness['checks']): Readiness => ({
  status: Object.values(checks).every((result) => result.ok) ? 'ready' : 'not-ready',
  checks
})
