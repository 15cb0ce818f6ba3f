import { sql } from 'kysely'
import { statement } from '../db/statement.ts'
import type { MailState } from '../db/tables.ts'

/** What became of one mail. */
type LedgerEntry = {
  createdAt: Date
  kind: string
  state: MailState
  /** How often it was taken up again. */
  attempts: number
  sentAt: Date | null
  messageId: string
  answer: string | null
}

const entry = sql`
  m.id, m.created_at as "createdAt", m.kind, m.state, m.attempts, m.sent_at as "sentAt", m.message_id as "messageId", m.answer`

/**
 * The mails of an address that are still on record, newest first. In two halves, each along an index: settled ones by address,
 * and all queued ones, which are few unless the mail server is down.
 */
export const findMailsOf = statement(
  { emailKey: 'text', most: 'int4' },
  ({ emailKey, most }) => sql<LedgerEntry>`
    select "createdAt", kind, state, attempts, "sentAt", "messageId", answer from (
      select ${entry} from postern.mail as m where m.email_key = ${emailKey} and m.settled_at is not null
      union all
      select ${entry} from postern.mail as m where m.email_key = ${emailKey} and m.state = 'queued'
    ) as found order by "createdAt" desc, id desc limit ${most}`
)
