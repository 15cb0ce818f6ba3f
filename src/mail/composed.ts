import { isOutage } from '../db/failure.ts'
import type { OutgoingMail } from './message.ts'
import type { MailRow } from './store.ts'

/** What a feature makes of a mail row: a mail to send, good for so many seconds from now, or a reason why none leaves. */
export type Composed =
  | { id: string; mail: OutgoingMail; goodFor?: number }
  | { id: string; state: 'expired' | 'dropped' }
export type Compose = (rows: readonly MailRow[]) => Promise<Composed[]>

/** Composes rows together; where that fails, each alone, so that one that cannot be composed keeps no other from leaving. */
export const apart =
  (compose: Compose, onFault: (error: unknown) => void): Compose =>
  async (rows) => {
    try {
      return await compose(rows)
    } catch (error) {
      if (rows.length === 1 || isOutage(error)) throw error
      const all: Composed[] = []
      for (const row of rows) {
        try {
          all.push(...(await compose([row])))
        } catch (fault) {
          onFault(fault)
          if (isOutage(fault)) break // the others would wait for it, one after another
        }
      }
      return all
    }
  }
