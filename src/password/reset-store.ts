import { type RawBuilder, sql } from 'kysely'
import { type EventKind, eventParameters, record } from '../audit/store.ts'
import { ago } from '../db/interval.ts'
import { type Slots, statement, statementInTx } from '../db/statement.ts'
import { deviceColumns, deviceParameters, makeDevice } from '../device/store.ts'
import { MINUTE } from '../lib/time.ts'
import { noticeParameters, queueNotice } from '../user/notice-store.ts'
import { changedSince, unendedOf } from '../user/store.ts'
import { open } from './request-reset-store.ts'

/** Seconds in which a new password that is sent again after a lost answer is answered as done. */
export const REPEATABLE = MINUTE

/** The condition that nobody has changed the credentials of `u` since the reset `r` was made, or disabled the account. */
const stillValid = sql`u.disabled_at is null and not ${changedSince(sql`r.created_at`)}`

/** A live reset and the account that it is for. */
type LiveReset = { email: string; emailKey: string; budgetKey: Buffer; expiresAt: Date }

export const findLiveReset = statement(
  { id: 'uuid', keyId: 'text' },
  ({ id, keyId }) => sql<LiveReset>`
    select u.email, r.email_key as "emailKey", r.budget_key as "budgetKey", r.expires_at as "expiresAt"
    from (
      select email_key, budget_key, key_id, created_at, used_at, expires_at from postern.password_reset
      where id = ${id} limit 1 -- by its key, and not along the index of unused ones
    ) as r join postern."user" as u on u.email_key = r.email_key
    where r.key_id = ${keyId} and ${open} and ${stillValid}`
)

/** A reset that the same request has used moments ago, and the password that it set. */
export const findUsedReset = statement(
  { id: 'uuid', usedKey: 'bytea' },
  ({ id, usedKey }) => sql<{ sessionsEnded: number; passwordHash: string }>`
    select r.sessions_ended as "sessionsEnded", u.password_hash as "passwordHash"
    from postern.password_reset as r join postern."user" as u on u.email_key = r.email_key
    where r.id = ${id} and r.used_key = ${usedKey} and r.sessions_ended is not null and u.password_hash is not null
      and r.used_at > ${ago(REPEATABLE)}`
)

/**
 * Uses a reset, and with it every other reset of its address, by id. No row: another request was first, or it expired.
 * Run it after `lockBudgets`.
 */
export const spendReset = statementInTx(
  { id: 'uuid', emailKey: 'text', usedKey: 'bytea?' },
  ({ id, emailKey, usedKey }) => sql<{ id: string }>`
    with held as (
      select r.id, ${open} as live from postern.password_reset as r
      where r.email_key = ${emailKey} and r.used_at is null
      order by r.id for update
    ), chosen as (select held.id from held where held.id = ${id} and held.live),
    spent as (
      update postern.password_reset as r
      set used_at = clock_timestamp(), used_key = case when r.id = chosen.id then ${usedKey} end
      from held cross join chosen where r.id = held.id
    )
    select id from chosen`
)

/** Ends every open reset of an address, by id. */
export const spendResets = statementInTx(
  { emailKey: 'text' },
  ({ emailKey }) => sql`
    with held as (
      select r.id from postern.password_reset as r where r.email_key = ${emailKey} and r.used_at is null
      order by r.id for update
    )
    update postern.password_reset as r set used_at = clock_timestamp() from held where r.id = held.id`
)

export const changeParameters = {
  ...eventParameters,
  ...noticeParameters,
  passwordHash: 'text',
  addressMac: 'bytea'
} as const

/**
 * The CTEs of every change of a password: the hash, the version that ends all sessions, the event and the notice. The sessions are also
 * marked as ended, so that they are not read among the open ones for the rest of their time. Run them after `lockBudgets`: with
 * `clock_timestamp`, what the holders of those rows made until then is older.
 *
 * @param which the condition on the account `u`
 * @param kept the session that goes on, if any
 */
export const changingPassword = (
  slots: Slots<typeof changeParameters>,
  change: { kind: EventKind; which: RawBuilder<unknown>; verifies: boolean; kept: RawBuilder<unknown> }
): RawBuilder<unknown> => sql`
  changed as (
    update postern."user" as u
    set password_hash = ${slots.passwordHash}, credential_version = u.credential_version + 1,
      credential_changed_at = clock_timestamp(), updated_at = now(),
      email_verified_at = ${change.verifies ? sql`coalesce(u.email_verified_at, now())` : sql`u.email_verified_at`}
    where ${change.which}
    returning u.id, u.email, u.email_key, u.locale, u.credential_version
  ), ending as (
    update postern.session as s set revoked_at = now() from changed
    where ${unendedOf(sql`changed.id`)} and s.credential_version = changed.credential_version - 1
      and s.id is distinct from ${change.kept}
    returning 1
  ), ended as (
    select count(*)::int4 as number from ending
  ), noted as (${record({
    from: sql`changed`,
    id: slots.eventId,
    kind: change.kind,
    outcome: sql`'password_set'`,
    userId: sql`changed.id`,
    addressMac: slots.addressMac,
    client: slots
  })}), told as (${queueNotice('password-changed', sql`changed`, slots)})`

/**
 * Sets the password that a reset was used for, and proves the address. The device that did it is trusted from now on. No row: the
 * account has changed or gone meanwhile.
 */
export const setPasswordByReset = statementInTx(
  {
    ...changeParameters,
    resetId: 'uuid',
    ...deviceColumns,
    ...deviceParameters
  },
  (slots) => sql<{ sessionsEnded: number }>`
    with ${changingPassword(slots, {
      kind: 'password_reset',
      which: sql`exists (
        select from postern.password_reset as r
        where r.id = ${slots.resetId} and r.email_key = u.email_key and ${stillValid})`,
      verifies: true,
      kept: sql`null::uuid`
    })}, device as (${makeDevice(sql`changed`, slots)}), answered as (
      update postern.password_reset as r set sessions_ended = ended.number from ended where r.id = ${slots.resetId}
    )
    select ended.number as "sessionsEnded" from ended, changed`
)

/** Deletes the links of an address whose account is deleted. */
export const forgetResets = statementInTx(
  { emailKey: 'text' },
  ({ emailKey }) => sql`
    with held as (
      select r.id from postern.password_reset as r where r.email_key = ${emailKey} order by r.id for update
    )
    delete from postern.password_reset as r using held where r.id = held.id`
)
