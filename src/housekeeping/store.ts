import { type RawBuilder, sql } from 'kysely'
import { emptyBudget, poolsLeft, refunding } from '../budget/store.ts'
import { KNOWN_NETWORK_TTL } from '../budget/trust.ts'
import { distinctAlong } from '../db/distinct.ts'
import { ago } from '../db/interval.ts'
import { statement, statementInTx } from '../db/statement.ts'
import { DAY, MINUTE } from '../lib/time.ts'

/** One instance at a time does a task; another that does not get its lock leaves it to the first. It goes with the transaction. */
export const tryLock = statementInTx(
  { task: 'text' },
  ({ task }) => sql<{ mine: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('postern housekeeping'), hashtext(${task})) as mine`
)

/** How many rows a statement has done. */
export type Done = { done: number }

/**
 * Settles challenges that have ended: the tries that nobody spent go back to what they were charged to. Each challenge
 * once, because the mark and the refund are one statement. All that an address has in the batch are settled together, as far as
 * they were charged to the same pool: no statement changes a row twice. In lock order: budget, challenge.
 *
 * `skipped` are addresses that were locked just then; they are passed to the next batch, so that nobody waits behind them.
 */
export const settleChallenges = statement(
  { most: 'int4', skipped: 'bytea[]' },
  ({ most, skipped }) => sql<Done & { skipped: Buffer[] }>`
    with due as (
      select id, budget_key, pool, first_value(pool) over (partition by budget_key order by expires_at, id) as first_pool from (
        select id, budget_key, pool, expires_at from postern.challenge
        where settled_at is null and expires_at <= now() and budget_key <> all (${skipped})
        order by expires_at limit ${most}
      ) as oldest
    ), named as (
      select b.key from postern.address_budget as b where b.key in (select due.budget_key from due)
    ), held as (
      select b.key from postern.address_budget as b where b.key in (select named.key from named)
      order by b.key for update skip locked
    ), busy as (select named.key from named where named.key not in (select held.key from held)),
    taken as (
      select c.id from postern.challenge as c
      where c.id in (
          select due.id from due
          where due.pool is not distinct from due.first_pool and due.budget_key not in (select busy.key from busy))
        and num_nulls(c.settled_at) = 1 and c.expires_at <= now() -- no "is null", for the reason of spendTries
      order by c.id for update skip locked
    ), ended as (
      update postern.challenge as c set settled_at = now() from taken where c.id = taken.id
      returning c.budget_key, c.pool, case when c.used_at is null then least(c.charged, c.tries_left) else 0 end as charged
    ), spent as (select budget_key, pool, sum(charged)::int4 as charged from ended group by budget_key, pool),
    refunded as (${refunding(sql`spent where spent.charged > 0 and b.key = spent.budget_key`)})
    select (select count(*)::int4 from ended) as done, array(select busy.key from busy) as skipped`
)

/** Deletes a batch of the rows that `which` picks; those that somebody holds wait. @param key what names a row */
const deleting = (table: string, key: readonly string[], which: RawBuilder<unknown>) => {
  const named = sql.raw(`postern.${table}`)
  const same = key.map((column) => sql`gone.${sql.ref(column)} = due.${sql.ref(column)}`)
  return sql<Done>`
    with due as (select ${sql.join(key.map((column) => sql.ref(column)))} from ${named} where ${which} for update skip locked),
    deleted as (delete from ${named} as gone using due where ${sql.join(same, sql` and `)} returning 1)
    select count(*)::int4 as done from deleted`
}

/**
 * Seconds that a code or a link stays after its end. With an Idempotency-Key its id is made from the key and the day: the row stays for all
 * of the next day, also where clocks differ, so that the id, and with it the code, never comes again.
 */
const ENDED_KEPT = 2 * DAY

/** A challenge that was not settled keeps what it was charged, so it stays until it is. */
export const purgeChallenges = statement({ most: 'int4' }, ({ most }) =>
  deleting(
    'challenge',
    ['id'],
    sql`settled_at is not null and expires_at < ${ago(ENDED_KEPT)} order by expires_at limit ${most}`
  )
)

/** Seconds that a challenge without a mail stays after its end: its id comes from no Idempotency-Key, unless it belonged to a deleted account. */
const UNMAILED_KEPT = 5 * MINUTE

export const purgeUnmailedChallenges = statement({ most: 'int4' }, ({ most }) =>
  deleting(
    'challenge',
    ['id'],
    sql`not mailed and email_key <> '' and settled_at is not null and expires_at < ${ago(UNMAILED_KEPT)} order by expires_at limit ${most}`
  )
)

export const purgeResets = statement({ most: 'int4' }, ({ most }) =>
  deleting('password_reset', ['id'], sql`expires_at < ${ago(ENDED_KEPT)} order by expires_at limit ${most}`)
)

/** Removes from a mail what says whom it went to; a mail server's answer often repeats the address. */
export const forgetRecipients = statement(
  { most: 'int4', retention: 'int4' },
  ({ most, retention }) => sql<Done>`
    with due as (
      select id from postern.mail
      where settled_at is not null and (email_key is not null or recipient is not null)
        and settled_at < ${ago(retention)}
      order by settled_at limit ${most} for update skip locked
    ), forgotten as (
      update postern.mail as m set email_key = null, recipient = null, answer = null from due where m.id = due.id returning 1
    )
    select count(*)::int4 as done from forgotten`
)

export const purgeMails = statement({ most: 'int4', retention: 'int4' }, ({ most, retention }) =>
  deleting(
    'mail',
    ['id'],
    sql`settled_at is not null and email_key is null and recipient is null
      and settled_at < ${ago(retention)} order by settled_at limit ${most}`
  )
)

export const purgeEvents = statement({ most: 'int4', retention: 'int4' }, ({ most, retention }) =>
  deleting('event', ['id'], sql`at < ${ago(retention)} order by at limit ${most}`)
)

/** Seconds that an ended session is kept, in case somebody has to look into it. */
const REVOKED_KEPT = 30 * DAY

export const purgeRevokedSessions = statement({ most: 'int4' }, ({ most }) =>
  deleting(
    'session',
    ['id'],
    sql`revoked_at is not null and revoked_at < ${ago(REVOKED_KEPT)} order by revoked_at limit ${most}`
  )
)

/** Along the index of key ids and ends, key by key: there are few keys, and another index would cost every sign-in. */
export const purgeExpiredSessions = statement(
  { most: 'int4' },
  ({ most }) => sql<Done>`
    with recursive ids as (${distinctAlong(sql`postern.session as s`, sql`s.key_id`)}),
    due as (
      select old.id from ids cross join lateral (
        select s.id from postern.session as s where s.key_id = ids.id and s.expires_at < ${ago(DAY)}
        order by s.expires_at limit ${most} for update skip locked
      ) as old limit ${most}
    ), gone as (delete from postern.session as s using due where s.id = due.id returning 1)
    select count(*)::int4 as done from gone`
)

export const purgeDevices = statement({ most: 'int4' }, ({ most }) =>
  deleting('device', ['id'], sql`expires_at < now() order by expires_at limit ${most}`)
)

export const purgeNetworks = statement({ most: 'int4' }, ({ most }) =>
  deleting(
    'known_network',
    ['email_key', 'network'],
    sql`signed_in_at < ${ago(KNOWN_NETWORK_TTL)} order by signed_in_at limit ${most}`
  )
)

export const purgeSigningKeys = statement({ most: 'int4' }, ({ most }) =>
  deleting('signing_key', ['kid'], sql`retires_at < ${ago(DAY)} order by retires_at limit ${most}`)
)

/** Long past the day that is looked at. */
export const purgeTallies = statement({ most: 'int4' }, ({ most }) =>
  deleting('installation_tally', ['hour'], sql`hour < ${ago(7 * DAY)} order by hour limit ${most}`)
)

/**
 * Among the next rows after a key, deletes the budgets that are no longer needed, and such pools from the others: each device and
 * network that ever mistyped would leave one. Who asks every day keeps the row, which would otherwise be made anew each time. The
 * table is walked along its primary key: an index on levels or times would be written at every request for a code.
 *
 * `last` is where the walk goes on; null at the end of the table.
 */
export const purgeBudgets = statement(
  { after: 'bytea', most: 'int4' },
  ({ after, most }) => sql<Done & { last: Buffer | null }>`
    with next as (
      select key from postern.address_budget where key > ${after} order by key limit ${most}
    ), idle as (
      select b.key from postern.address_budget as b
      where b.key in (select next.key from next) and b.code_level_at < ${ago(DAY)} and ${emptyBudget}
      for update skip locked
    ), gone as (delete from postern.address_budget as b using idle where b.key = idle.key returning 1),
    grown as (
      select b.key from postern.address_budget as b
      where b.key in (select next.key from next) and b.key not in (select idle.key from idle)
        and b.pools <> ${poolsLeft}
      for update skip locked
    ), trimmed as (update postern.address_budget as b set pools = ${poolsLeft} from grown where b.key = grown.key)
    select (select count(*)::int4 from gone) as done,
      case when (select count(*) from next) = ${most} then (select key from next order by key desc limit 1) end as last`
)
