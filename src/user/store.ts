import { type Expression, type RawBuilder, sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import { type Slots, statement } from '../db/statement.ts'

/** An account as its owner may see it. */
export type UserView = {
  userId: string
  email: string
  emailVerified: boolean
  hasPassword: boolean
  userLocale: string
  userCreatedAt: Date
}

/** The columns of `UserView`, from the user row `u`. */
export const userView = sql`
  u.id as "userId", u.email, u.email_verified_at is not null as "emailVerified",
  u.password_hash is not null as "hasPassword", u.locale as "userLocale", u.created_at as "userCreatedAt"`

const ownerColumns = sql`u.id, u.email, u.email_verified_at, u.password_hash, u.credential_version, u.locale, u.created_at`

/** The condition that the credentials of `u` changed since `made`: older codes and links no longer open anything. */
export const changedSince = (made: RawBuilder<unknown>) => sql`coalesce(u.credential_changed_at >= ${made}, false)`

/** The CTE that reads the account of a used challenge. It is read, not rewritten; `for share` holds off a reset until we commit. */
export const knownUser = sql`
  select spent.place, ${ownerColumns} from spent join postern."user" as u on u.email_key = spent.email_key
  where spent.used_at is not null and u.email_verified_at is not null and u.disabled_at is null
    and not ${changedSince(sql`spent.created_at`)}
  for share of u`

/**
 * The CTE that makes the account, or proves one that was never proven. With `do nothing` the second of two right codes for a new
 * address would be spent without a session. Whatever is in an unproven account was put there by somebody who may not own the
 * mailbox: its password is removed and its sessions end.
 */
export const proveUser = (slots: {
  defaultLocale: Expression<string>
  signupOpen: Expression<boolean>
}): RawBuilder<unknown> => sql`
  insert into postern."user" as u (id, email, email_key, email_verified_at, locale)
  select asked.user_id, spent.email, spent.email_key, now(), coalesce(spent.locale, ${slots.defaultLocale})
  from spent join asked using (place)
  where spent.used_at is not null and not exists (select from known where known.place = spent.place)
    and (${slots.signupOpen} or exists (select from postern."user" as made where made.email_key = spent.email_key))
  on conflict (email_key) do update set
    email_verified_at = coalesce(u.email_verified_at, excluded.email_verified_at),
    password_hash = case when u.email_verified_at is not null then u.password_hash end,
    credential_version = u.credential_version + case when u.email_verified_at is null then 1 else 0 end,
    updated_at = now()
  where u.disabled_at is null
    and not ${changedSince(sql`(select spent.created_at from spent where spent.used_at is not null and spent.email_key = u.email_key)`)}
  returning u.email_key, ${ownerColumns}`

/** The columns of a CTE `owner` made of `known` and `proven`: of the accounts whose codes were right, not of all that were guessed at. */
export const ownerOf = sql`
  select place, id, email, email_verified_at, password_hash, credential_version, locale, created_at from known
  union all
  select spent.place, proven.id, proven.email, proven.email_verified_at, proven.password_hash, proven.credential_version,
    proven.locale, proven.created_at
  from proven join spent on spent.used_at is not null and spent.email_key = proven.email_key`

/**
 * The condition that nobody has ended the session `s`, and that its time is not up.
 * `num_nulls` and not `is null`: with the latter the planner may walk the index of everybody's sessions, though one is named by its id.
 */
export const unended = sql`num_nulls(s.revoked_at) = 1 and s.expires_at > now() and s.idle_expires_at > now()`

/** The condition that `s` is a session of the account that is `unended`: the account's index leads past those that somebody has ended. */
export const unendedOf = (userId: RawBuilder<unknown>) =>
  sql`s.user_id = ${userId} and s.revoked_at is null and ${unended}`

/**
 * The CTEs that lock the caller's account and then the session, as `caller` if both are still valid: a request is admitted long
 * before such a statement, and must not take effect once the session has been ended meanwhile.
 */
export const holdCaller = ({ userId, sessionId }: Slots<{ userId: 'uuid'; sessionId: 'uuid' }>) => sql`
  account as (
    select u.id, u.credential_version from postern."user" as u where u.id = ${userId} and u.disabled_at is null for update
  ), shown as (
    -- by its id alone: a change of the password that was waited for has moved the session to the new version
    select s.credential_version, s.revoked_at, s.expires_at, s.idle_expires_at
    from account join postern.session as s on s.user_id = account.id where s.id = ${sessionId}
    for update of s
  ), caller as (
    select account.id, account.credential_version as version
    from account join shown as s on s.credential_version = account.credential_version where ${unended}
  )`

/** No row: the session that asks has ended. */
export const setLocale = statement(
  { ...eventParameters, userId: 'uuid', sessionId: 'uuid', locale: 'text' },
  (slots) => sql<UserView>`
    with ${holdCaller(slots)}, changed as (
      update postern."user" as u set locale = ${slots.locale}, updated_at = now() from caller where u.id = caller.id
      returning ${userView}
    ), noted as (${record({
      from: sql`changed`,
      id: slots.eventId,
      kind: 'account_updated',
      outcome: sql`'locale_changed'`,
      userId: sql`changed."userId"`,
      client: slots
    })})
    select "userId", email, "emailVerified", "hasPassword", "userLocale", "userCreatedAt" from changed`
)
