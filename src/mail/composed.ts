import type { OutgoingMail } from './message.ts'
import type { MailRow } from './store.ts'

/** What a feature makes of a mail row: a mail to send, good for so many seconds from now, or a reason why none leaves. */
export type Composed =
  | { id: string; mail: OutgoingMail; goodFor?: number }
  | { id: string; state: 'expired' | 'dropped' }
export type Compose = (rows: readonly MailRow[]) => Promise<Composed[]>

/** Composes each row together with what it speaks of; a row whose subject is gone has expired. */
export function composeEach<Subject extends { id: string }>(
  rows: readonly MailRow[],
  subjects: readonly Subject[],
  compose: (row: MailRow, subject: Subject) => Composed
): Composed[] {
  const byId = new Map(subjects.map((subject) => [subject.id, subject]))
  return rows.map((row) => {
    const subject = byId.get(row.subjectId)
    return subject === undefined ? { id: row.id, state: 'expired' } : compose(row, subject)
  })
}
