import { type RawBuilder, sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import { epochOf } from '../budget/levels.ts'
import { freshRow, passwordRow, passwordRuling } from '../budget/store.ts'
import { ago } from '../db/interval.ts'
import { statement, statementInTx } from '../db/statement.ts'
import { HOUR, MINUTE } from '../lib/time.ts'
import { RECENT_SIGN_IN } from '../session/own-store.ts'
import { holdCaller } from '../user/store.ts'
import { changeParameters, changingPassword, REPEATABLE } from './reset-store.ts'

/**
 * Changes of an account's password by its sessions: so many at once, and then one in so many seconds. Fewer than links to one address
 * (one in 96 minutes when strangers use up the lanes): each change ends the links, and the mailbox must win in the end.
 */
const [CHANGES_AT_ONCE, SECONDS_EACH] = [30, 8 * HOUR]

/** The level of the account `u` with one change more. */
const nextLevel = sql`
  (1 + greatest(0, u.change_level - ${epochOf(sql`(clock_timestamp() - u.change_level_at)`)} / ${sql.lit(SECONDS_EACH)}))`

/** Seconds until there is room for that level. */
const waitFor = (level: RawBuilder<unknown>) => sql`
  ceil(greatest(0, ${level} - ${sql.lit(CHANGES_AT_ONCE)}) * ${sql.lit(SECONDS_EACH)})::int4`

/**
 * What a change is checked against: the stored hash, and the version it was read under. `wait`: seconds until another may be
 * made. `changedHere`: whether this session set the password a moment ago; all other sessions that existed then have ended.
 */
type OwnCredentials = {
  passwordHash: string | null
  version: number
  emailKey: string
  wait: number
  changedHere: boolean
}

export const findOwnCredentials = statement(
  { userId: 'uuid', sessionId: 'uuid' },
  ({ userId, sessionId }) => sql<OwnCredentials>`
    select u.password_hash as "passwordHash", u.credential_version as version, u.email_key as "emailKey",
      ${waitFor(nextLevel)} as wait,
      coalesce(u.credential_changed_at > ${ago(REPEATABLE)}
        and u.credential_changed_at > (select s.created_at from postern.session as s where s.id = ${sessionId}), false) as "changedHere"
    from postern."user" as u where u.id = ${userId}`
)

/** A level that is always reached: a session's guesses do not draw on what strangers may still guess. */
const ALWAYS_REACHED = sql`'infinity'::float8`

/** The prefix of a sign-in's own pool, among the pools of devices and networks that guess at the same address. */
const OWN_POOL = 'session:'

/**
 * The pools without those of sign-ins too old to change a password: each would stay for a month. They are kept a minute longer,
 * because a request that was let in at the last moment may wait for its hash.
 */
const recentPools = (pools: RawBuilder<unknown>) => sql`(
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(${pools})
  where not starts_with(key, ${sql.lit(`password:${OWN_POOL}`)})
    or (value ->> 1)::float8 > ${epochOf(sql`now()`)} - ${sql.lit(RECENT_SIGN_IN + MINUTE)})`

const ownPool = (signIn: RawBuilder<unknown>) => sql`(${sql.lit(OWN_POOL)} || ${signIn})`
/** A guess from a session counts for no network, only for the session's own pool. */
const fromSession = sql`'session'::text`

/** Whether a sign-in has used up its guesses, before a hash is spent on another. No row: nothing was ever guessed at the address. */
export const findOwnGuard = statement(
  { addressMac: 'bytea', signIn: 'text' },
  ({ addressMac, signIn }) => sql<{ guarded: boolean }>`
    select ruled.last_guarded as guarded
    from postern.address_budget as b cross join lateral (
      ${passwordRuling({ ...passwordRow, level: ALWAYS_REACHED, pool: ownPool(signIn), from: fromSession }, sql`true`)}) as ruled
    where b.key = ${addressMac}`
)

/**
 * Judges the current password given by a session: a wrong one is charged to a pool of that sign-in's own in the row of the
 * address, and once the pool is used up (`guarded`) a right one is refused as well. The row's lock makes parallel guesses wait
 * for each other.
 *
 * @param signIn names the sign-in
 * @param guesses how many passwords were compared, and are charged unless one was right
 */
export const judgeOwnPassword = statement(
  { ...eventParameters, addressMac: 'bytea', signIn: 'text', guesses: 'int4', right: 'bool', userId: 'uuid' },
  (slots) => {
    const { right } = slots
    const pool = ownPool(slots.signIn)
    return sql<{ guarded: boolean }>`
      with judged as (
        insert into postern.address_budget as b (key, pools, last_pool, last_guarded)
        select ${slots.addressMac}, first.pools, ${pool}, first.last_guarded
        from (${passwordRuling({ ...freshRow, level: ALWAYS_REACHED, pool, from: fromSession }, right, slots.guesses)}) as first
        on conflict (key) do update set (pools, last_guarded) = (
          select ${recentPools(sql`next.pools`)}, next.last_guarded
          from (${passwordRuling({ ...passwordRow, level: ALWAYS_REACHED, from: fromSession }, right, slots.guesses)}) as next)
        returning last_guarded as guarded
      ), noted as (${record({
        from: sql`judged where judged.guarded or not ${right}`,
        id: slots.eventId,
        kind: 'password_change_refused',
        outcome: sql`case when judged.guarded then 'sign_in_required' else 'wrong_password' end`,
        userId: slots.userId,
        addressMac: slots.addressMac,
        client: slots
      })})
      select guarded from judged`
  }
)

/**
 * Locks the account and charges it a change, unless there were too many: each ends the open codes and links, so somebody who
 * knows the password could keep the owner of the mailbox out by changing it again and again. Changes by link are not counted.
 *
 * A statement of its own: while master keys are rotated an address has two budget rows, so two changes can meet here. Only a
 * statement that begins afterwards sees what the first did to the caller's session.
 *
 * @returns `wait`: seconds until there is room, 0 when it was charged; `version`: of the credentials as they are now. No row: the
 *   account has gone
 */
export const chargeChange = statementInTx(
  { userId: 'uuid' },
  ({ userId }) => sql<{ wait: number; version: number }>`
    with held as (
      select u.id, u.credential_version as version, ${nextLevel} as level
      from postern."user" as u where u.id = ${userId} for update
    ), charged as (
      update postern."user" as u set change_level = held.level, change_level_at = clock_timestamp()
      from held where u.id = held.id and held.level <= ${sql.lit(CHANGES_AT_ONCE)}
    )
    select ${waitFor(sql`held.level`)} as wait, held.version from held`
)

/**
 * Sets the password of the signed-in account. The caller's session goes on under the new version, all others end. Run it after
 * `chargeChange`. No row: the session has ended. `sessionsEnded` null: another change by the same session came first.
 */
export const setOwnPassword = statementInTx(
  { ...changeParameters, userId: 'uuid', version: 'int4', sessionId: 'uuid' },
  (slots) => sql<{ sessionsEnded: number | null }>`
    with ${holdCaller(slots)}, ${changingPassword(slots, {
      kind: 'password_changed',
      which: sql`u.id = (select caller.id from caller where caller.version = ${slots.version})`,
      verifies: false,
      kept: slots.sessionId
    })}, lifted as (
      update postern.session as s set credential_version = changed.credential_version from changed
      where s.id = ${slots.sessionId} and s.user_id = changed.id
    )
    select case when changed.id is not null then ended.number end as "sessionsEnded"
    from caller cross join ended left join changed on changed.id = caller.id`
)
