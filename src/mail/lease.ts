import type { Db } from '../db/tables.ts'
import { monotonicNow } from '../lib/time.ts'
import { LEASE, type MailRow, releaseMails } from './store.ts'

/**
 * A mail that is this instance's to send: since when it is promised, and until when it is ours; then any instance may take it. Monotonic
 * seconds. `isTaken`: from its row, and not offered by the request that wrote it.
 */
export type Held = { row: MailRow; since: number; leaseEndsAt: number; isTaken: boolean }

/** The mails that an instance holds, by id. */
export class HeldMails extends Map<string, Held> {
  /** How many of them were taken. */
  get taken(): number {
    return this.values().reduce((count, { isTaken }) => count + Number(isTaken), 0)
  }

  /**
   * Holds a mail, or holds it for longer: its lease ran out while it waited here, and we took it again ourselves.
   *
   * @param age seconds since a mail was promised that is taken from its row
   * @returns what is new here
   */
  hold(row: MailRow, leasedAt: number, age?: number): Held | undefined {
    const known = this.get(row.id)
    const item = known ?? { row, since: leasedAt - (age ?? 0), leaseEndsAt: 0, isTaken: false }
    item.leaseEndsAt = leasedAt + LEASE
    item.isTaken ||= age !== undefined
    if (known !== undefined) return undefined
    this.set(row.id, item)
    return item
  }
}

/**
 * Seconds by which a lease may end later by the database's clock: the statement that wrote it had to wait. Fewer than those by which
 * a lease outlasts a send, or this would release what another instance has taken.
 */
const SLACK = 10

/** Gives mails back at once, so that they wait for nobody; but not those that another instance has taken since. */
export async function giveBack(db: Db, mails: readonly Pick<Held, 'row' | 'leaseEndsAt'>[]): Promise<void> {
  if (mails.length === 0) return
  const now = monotonicNow()
  await releaseMails(db, {
    ids: mails.map(({ row }) => row.id),
    left: mails.map(({ leaseEndsAt }) => leaseEndsAt - now + SLACK)
  })
}
