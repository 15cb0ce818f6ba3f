import { sql } from 'kysely'
import { statement } from '../db/statement.ts'
import type { MailState } from '../db/tables.ts'

/** What became of one mail. */
export type LedgerEntry = {
  createdAt: Date
  kind: string
  state: MailState
  /** How often it was taken up again. */
  attempts: number
  sentAt: Date | null
  messageId: string
  answer: string | null
}

/** The mails of an address as far as they are remembered, newest first. */
export const findMailsOf = statement(
  { emailKey: 'text', most: 'int4' },
  ({ emailKey, most }) => sql<LedgerEntry>`
    select m.created_at as "createdAt", m.kind, m.state, m.attempts, m.sent_at as "sentAt",
      m.message_id as "messageId", m.answer
    from postern.mail as m where m.email_key = ${emailKey} order by m.created_at desc, m.id desc limit ${most}`
)
