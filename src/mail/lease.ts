import type { Db } from '../db/tables.ts'
import { monotonicNow } from '../lib/time.ts'
import { type MailRow, releaseMails } from './store.ts'

/** A mail that is this instance's to send: since when it is promised, and until when it is ours; then any instance may take it. Monotonic seconds. */
export type Held = { row: MailRow; since: number; leaseEndsAt: number }

/**
 * Seconds by which a lease may end later by the database's clock: the statement that wrote it had to wait. Fewer than those by which
 * a lease outlasts a send, or this would release what another instance has taken.
 */
const SLACK = 10

/** Gives mails back at once, so that they wait for nobody; but not those that another instance has taken since. */
export async function giveBack(db: Db, mails: readonly Omit<Held, 'since'>[]): Promise<void> {
  if (mails.length === 0) return
  const now = monotonicNow()
  await releaseMails(db, {
    ids: mails.map(({ row }) => row.id),
    left: mails.map(({ leaseEndsAt }) => leaseEndsAt - now + SLACK)
  })
}
