import { sql } from 'kysely'
import { codeRow, freshRow, mailColumns, mailRuling } from '../budget/store.ts'
import { askingNetwork, trustedAmong } from '../budget/trust.ts'
import { seconds } from '../db/interval.ts'
import { statement, statementInTx } from '../db/statement.ts'
import { type Addressed, addressedView } from '../mail/addressed-store.ts'
import { queueMail } from '../mail/store.ts'
import { changedSince } from '../user/store.ts'

/** Links of one address that may be live at once. */
const MOST_LIVE = 3

/** The condition that a reset `r` can still be used, as far as its own row says. */
export const open = sql`r.used_at is null and r.expires_at > statement_timestamp()`

/**
 * Takes room in the lanes of an address for a mail with a link. No row: an earlier try of the same request has already promised
 * it. Run it after `lockBudgets`.
 *
 * `mailIds`, here and below: where an earlier try may have promised the mail, by days.
 *
 * @returns `wait` seconds when no lane has room, else 0
 */
export const enterResetLane = statementInTx(
  {
    emailKey: 'text',
    addressMac: 'bytea',
    network: 'cidr?',
    knownDeviceId: 'uuid?',
    knownSeedHash: 'bytea?',
    mailIds: 'uuid[]'
  },
  (slots) => sql<{ wait: number }>`
    with asked as (
      select 1 as place, ${slots.emailKey} as email_key, ${slots.network} as network,
        ${slots.knownDeviceId} as known_device_id, ${slots.knownSeedHash} as known_seed_hash
      where not exists (select from postern.mail as m where m.id = any(${slots.mailIds}))
    ), trusted as (${trustedAmong})
    insert into postern.address_budget as b (key, ${mailColumns})
    select ${slots.addressMac}, ${mailColumns}
    from asked join trusted using (place)
    cross join lateral (${mailRuling('reset', { ...freshRow, pool: sql`trusted.pool`, from: askingNetwork })}) as first
    on conflict (key) do update set (${mailColumns}) = (
      select ${mailColumns} from (${mailRuling('reset', codeRow)}) as next)
    returning last_wait as wait`
)

/**
 * Makes a reset and promises its mail; where there are three already, promises another mail with the newest of them: nobody can
 * kill the owner's link by asking. A mail that is there already was promised by an earlier try of the same request.
 * Run it after `lockBudgets`, because a count sees only what was committed before its statement. The same work for every
 * address: nothing here asks whether there is an account.
 */
export const queueReset = statementInTx(
  {
    id: 'uuid',
    email: 'text',
    emailKey: 'text',
    addressMac: 'bytea',
    locale: 'text?',
    ttl: 'int4',
    keyId: 'text',
    mailId: 'uuid',
    mailIds: 'uuid[]',
    messageId: 'text'
  },
  (slots) => sql<{ subjectId: string }>`
    with earlier as (select from postern.mail as m where m.id = any(${slots.mailIds})),
    live as (
      select r.id, r.email_key, r.locale, r.expires_at, r.key_id, r.created_at
      from postern.password_reset as r where r.email_key = ${slots.emailKey} and ${open}
    ), fresh as (
      insert into postern.password_reset (id, email, email_key, budget_key, locale, created_at, expires_at, key_id)
      select ${slots.id}, ${slots.email}, ${slots.emailKey}, ${slots.addressMac}, ${slots.locale}, statement_timestamp(),
        statement_timestamp() + ${seconds(slots.ttl)}, ${slots.keyId}
      where (select count(*) from live) < ${sql.lit(MOST_LIVE)} and not exists (select from earlier)
      returning id, email_key, locale, expires_at, key_id
    ), made as (
      select id, email_key, locale, expires_at, key_id from fresh
      union all (
        select id, email_key, locale, expires_at, key_id from live
        where not exists (select from fresh) and not exists (select from earlier)
        order by created_at desc, id desc limit 1
      )
    ), queued as (${queueMail({ from: sql`made`, kind: 'reset', id: slots.mailId, messageId: slots.messageId })})
    select id as "subjectId" from made`
)

export const findResetMailSubjects = statement(
  { ids: 'uuid[]' },
  ({ ids }) => sql<Addressed>`
    select ${addressedView}, made.used_at is not null or ${changedSince(sql`made.created_at`)} as dead
    from postern.password_reset as made left join postern."user" as u on u.email_key = made.email_key
    where made.id = any(${ids})`
)
