import { type Expression, type RawBuilder, sql } from 'kysely'
import { fromNow } from '../db/interval.ts'
import { statement } from '../db/statement.ts'

/** Seconds a mail belongs to the instance that wrote or took it; then any instance may take it. */
export const LEASE = 30

/** What mails are about; each kind is written by its feature. */
export type MailKind = 'code' | 'reset' | 'password-changed' | 'account-deleted'

/**
 * What the courier knows of a mail: ids only. The code or link is made from `subjectId` when the mail is rendered. A newer release may
 * have written kinds that this one does not know.
 */
export type MailRow = { id: string; kind: string; subjectId: string; messageId: string }

/**
 * A mail whose lease had expired: taken by us (`queued`), or closed because its code or link had run out.
 *
 * @param age seconds since it was promised
 */
type DueMail = MailRow & { state: 'queued' | 'expired'; age: number }

export type Settled = {
  id: string
  state: 'sent' | 'refused' | 'expired' | 'dropped' | 'queued'
  answer: string | null
}

/**
 * The CTE of a statement that promises a mail: it commits with the row the mail speaks of.
 * The mail is born leased, so that the instance that wrote it sends it at once and nobody else does.
 *
 * @param from a CTE whose rows have id, email_key, locale, expires_at and key_id
 * @param recipient where the mail goes, in case no other row still holds the address by the time it is sent
 */
export const queueMail = (mail: {
  from: RawBuilder<unknown>
  kind: MailKind
  id: Expression<string>
  messageId: Expression<string>
  recipient?: RawBuilder<unknown>
}): RawBuilder<unknown> => sql`
  insert into postern.mail (id, kind, subject_id, email_key, recipient, locale, valid_until, due_at, message_id, key_id)
  select ${mail.id}, ${sql.lit(mail.kind)}, made.id, made.email_key, ${mail.recipient ?? sql`null`}, made.locale, made.expires_at,
         ${fromNow(LEASE)}, ${mail.messageId}, made.key_id
  from ${mail.from} as made
  returning id`

const dueMail = sql`
  mail.id, mail.kind, mail.subject_id as "subjectId", mail.message_id as "messageId", mail.state,
  extract(epoch from now() - mail.created_at)::float8 as age`

/**
 * Takes mails whose lease has expired; each goes to one instance. Of the thousand that have been due for longest, those that are
 * no longer useful are closed: however many are due, no more of them are read for that.
 */
export const takeDueMails = statement(
  { most: 'int4', keyIds: 'text[]' },
  ({ most, keyIds }) => sql<DueMail>`
    with due as (
      select id from postern.mail
      where state = 'queued' and due_at <= now() and valid_until > now() and key_id = any(${keyIds})
      order by due_at limit ${most} for update skip locked
    ), expired as (
      update postern.mail set state = 'expired', settled_at = now()
      where id in (
        select id from postern.mail
        where state = 'queued' and valid_until <= now() and id in (
          select id from postern.mail where state = 'queued' and due_at <= now() order by due_at limit 1000)
        for update skip locked
      )
      returning ${dueMail}
    ), taken as (
      update postern.mail set due_at = ${fromNow(LEASE)}, attempts = attempts + 1
      from due where mail.id = due.id
      returning ${dueMail}
    )
    table taken union all table expired`
)

/**
 * Writes what became of a batch. A mail put back (`queued`) is tried again after 2, 4, 8 … at most 300 seconds, by its own count.
 * A dropped mail loses its address at once: nothing was sent there.
 */
export const settleMails = statement(
  { ids: 'uuid[]', states: 'text[]', answers: 'text[]' },
  ({ ids, states, answers }) => sql`
    update postern.mail set
      state = news.state,
      answer = case when news.state <> 'dropped' then coalesce(nullif(news.answer, ''), mail.answer) end,
      sent_at = case when news.state = 'sent' then now() end,
      settled_at = case when news.state <> 'queued' then now() end,
      email_key = case when news.state <> 'dropped' then mail.email_key end,
      recipient = case when news.state <> 'dropped' then mail.recipient end,
      due_at = case when news.state = 'queued' then now() + least(300, 2 ^ least(9, mail.attempts + 1)) * interval '1 second' else mail.due_at end
    from unnest(${ids}, ${states}, ${answers}) as news (id, state, answer)
    where mail.id = news.id and mail.settled_at is null -- and not by state, whose index holds all that waits`
)

/** Makes unsent mails due at once, unless their lease lasts longer than the seconds that are left of ours: it is another one then. */
export const releaseMails = statement(
  { ids: 'uuid[]', left: 'float8[]' },
  ({ ids, left }) => sql`
    update postern.mail set due_at = now()
    from unnest(${ids}, ${left}) as held (id, seconds)
    where mail.id = held.id and mail.settled_at is null and mail.due_at <= now() + held.seconds * interval '1 second'`
)

/**
 * Seconds by which the longest waiting mail is overdue, 0 when none is; and whether some instance takes mails: the next try of what it
 * took lies ahead, by 300 seconds at the most.
 */
export const mailBacklog = statement(
  {},
  () => sql<{ overdue: number; taken: boolean }>`
    select coalesce(extract(epoch from now() - min(due_at)), 0)::float8 as overdue,
      exists (select from postern.mail where state = 'queued' and due_at > now() and attempts > 0) as taken
    from postern.mail where state = 'queued' and due_at <= now() and valid_until > now()`
)
