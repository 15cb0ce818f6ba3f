import { type RawBuilder, sql } from 'kysely'
import { record } from '../audit/store.ts'
import { epochOf } from '../budget/levels.ts'
import { freshRow, passwordRow, passwordRuling } from '../budget/store.ts'
import { statement } from '../db/statement.ts'
import { MINUTE } from '../lib/time.ts'
import { RECENT } from '../session/own-store.ts'
import { holdCaller } from '../user/store.ts'
import { changeParameters, changingPassword } from './reset-store.ts'

/** What a change is held against: the stored hash, and the version that it was read under. */
export type OwnCredentials = { passwordHash: string | null; version: number; emailKey: string }

export const findOwnCredentials = statement(
  { userId: 'uuid' },
  ({ userId }) => sql<OwnCredentials>`
    select u.password_hash as "passwordHash", u.credential_version as version, u.email_key as "emailKey"
    from postern."user" as u where u.id = ${userId}`
)

/** A level that is always reached: what strangers may still guess is no part of what a session may. */
const spent = sql`'infinity'::float8`

/** What a sign-in's own pool is called, among those of devices and networks that guess at the same address. */
const OWN_POOL = 'session:'

/**
 * Pools without those of sign-ins that are too old to change anything with: each would stand there for a month. A minute later than
 * that, for a request that was let in at the last moment may wait for its hash.
 */
const recentPools = (pools: RawBuilder<unknown>) => sql`(
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(${pools})
  where not starts_with(key, ${sql.lit(`password:${OWN_POOL}`)})
    or (value ->> 1)::float8 > ${epochOf(sql`now()`)} - ${sql.lit(RECENT + MINUTE)})`

/**
 * Judges the current password that a sign-in was asked for: a wrong one is charged to a pool of that sign-in's own in the row of the
 * address, and once it is used up (`guarded`) a right one is refused as well. The row's lock has parallel guesses judged one by one.
 *
 * @param signIn names the sign-in
 */
export const judgeOwnPassword = statement(
  {
    emailMac: 'bytea',
    signIn: 'text',
    right: 'bool',
    userId: 'uuid',
    eventId: 'uuid',
    network: 'cidr?',
    agent: 'text?',
    requestId: 'text'
  },
  (slots) => {
    const right = sql`${slots.right}`
    const pool = sql`(${sql.lit(OWN_POOL)} || ${slots.signIn})`
    const from = sql`'session'::text`
    return sql<{ guarded: boolean }>`
      with judged as (
        insert into postern.address_budget as b (key, pools, last_pool, last_guarded)
        select ${slots.emailMac}, first.pools, ${pool}, first.last_guarded
        from (${passwordRuling({ ...freshRow, level: spent, pool, from }, right)}) as first
        on conflict (key) do update set (pools, last_guarded) = (
          select ${recentPools(sql`next.pools`)}, next.last_guarded
          from (${passwordRuling({ ...passwordRow, level: spent, from }, right)}) as next)
        returning last_guarded as guarded
      ), noted as (${record({
        from: sql`judged where judged.guarded or not ${right}`,
        id: slots.eventId,
        kind: sql`'password_change_refused'`,
        outcome: sql`case when judged.guarded then 'sign_in_required' else 'wrong_password' end`,
        userId: slots.userId,
        emailMac: slots.emailMac,
        client: slots
      })})
      select guarded from judged`
  }
)

/**
 * Holds the account in a statement of its own: while master keys are rotated an address has two budget rows, and two changes meet here.
 * What the first has done to the caller's session only a statement that begins afterwards can see.
 */
export const holdAccount = statement(
  { userId: 'uuid' },
  ({ userId }) => sql`select u.id from postern."user" as u where u.id = ${userId} for update`
)

/**
 * Sets a password for whoever is signed in. The caller's session goes on under the new version, all others end.
 * To be run behind `holdAccount`. No row: the session has ended. `sessionsEnded` null: another change by the same session was faster.
 */
export const setOwnPassword = statement(
  { ...changeParameters, userId: 'uuid', version: 'int4', sessionId: 'uuid' },
  (slots) => sql<{ sessionsEnded: number | null }>`
    with ${holdCaller(slots)}, ${changingPassword(slots, {
      kind: 'password_changed',
      which: sql`u.id = (select caller.id from caller where caller.version = ${slots.version})`,
      verifies: false,
      kept: sql`${slots.sessionId}`
    })}, lifted as (
      update postern.session as s set credential_version = changed.credential_version from changed
      where s.id = ${slots.sessionId} and s.user_id = changed.id
    )
    select case when changed.id is not null then ended.number end as "sessionsEnded"
    from caller cross join ended left join changed on changed.id = caller.id`
)
