import type { Db } from '../db/tables.ts'
import { monotonicNow } from '../lib/time.ts'
import { type MailRow, releaseMails } from './store.ts'

/** A mail that this instance has promised to send. `leaseEndsAt`: monotonic seconds; from then on any instance may take it. */
export type Held = { row: MailRow; leaseEndsAt: number }

/**
 * Gives mails back at once, so that they wait for nobody. Those whose lease is over are somebody else's by now.
 *
 * @param longest seconds that a lease of theirs can still last: a longer one is of an instance that took the mail meanwhile
 */
export async function giveBack(db: Db, mails: Iterable<Held>, longest: number): Promise<void> {
  const ids = [...mails].filter(({ leaseEndsAt }) => leaseEndsAt > monotonicNow()).map(({ row }) => row.id)
  if (ids.length > 0) await releaseMails(db, { ids, longest })
}
