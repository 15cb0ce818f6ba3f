import { type RawBuilder, sql } from 'kysely'
import type { eventParameters } from '../audit/store.ts'
import { fromNow } from '../db/interval.ts'
import { type Slots, statement } from '../db/statement.ts'
import { DAY } from '../lib/time.ts'
import { queueMail } from '../mail/store.ts'

/** A notice that is not delivered within this time would only confuse. */
const NOTICE_TTL = 3 * DAY

export const noticeKinds = ['password-changed', 'account-deleted'] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** In addition to those of the event that the notice reports. */
export const noticeParameters = { noticeId: 'uuid', messageId: 'text', noticeKeyId: 'text' } as const

/**
 * The CTE that promises a mail about a change to the account's own address. The mail is composed from the event of the
 * change; the address is in the mail's row, because the account may be gone when it is sent.
 *
 * @param from a CTE whose rows have email, email_key and locale: the account as it is, or was
 */
export const queueNotice = (
  kind: NoticeKind,
  from: RawBuilder<unknown>,
  slots: Slots<typeof noticeParameters & Pick<typeof eventParameters, 'eventId'>>
): RawBuilder<unknown> =>
  queueMail({
    from: sql`(
      select ${slots.eventId} as id, account.email, account.email_key, account.locale, ${slots.noticeKeyId} as key_id,
        ${fromNow(NOTICE_TTL)} as expires_at
      from ${from} as account)`,
    kind,
    id: slots.noticeId,
    messageId: slots.messageId,
    recipient: sql`made.email`
  })

export type NoticeSubject = { mailId: string; to: string | null; locale: string | null; at: Date; agent: string | null }

export const findNoticeSubjects = statement(
  { mailIds: 'uuid[]' },
  ({ mailIds }) => sql<NoticeSubject>`
    select m.id as "mailId", m.recipient as "to", m.locale, e.at, e.agent
    from postern.mail as m join postern.event as e on e.id = m.subject_id where m.id = any(${mailIds})`
)
