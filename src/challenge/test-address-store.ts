import { sql } from 'kysely'
import { statement } from '../db/statement.ts'

/** Which of the test addresses a challenge was made for, while its last day has not passed. */
export const findTestAddress = statement(
  { id: 'uuid', keys: 'text[]', lastDays: 'text[]' },
  ({ id, keys, lastDays }) => sql<{ key: string }>`
    select tested.key from postern.challenge as c
    join unnest(${keys}, ${lastDays}) as tested (key, last_day) on tested.key = c.email_key
    where c.id = ${id} and now() at time zone 'UTC' < tested.last_day::date + 1`
)

/** The addresses whose accounts are not test accounts: they have a password, or somebody signed in some other way. */
export const findUsedAddresses = statement(
  { keys: 'text[]' },
  ({ keys }) => sql<{ email: string; hasPassword: boolean }>`
    select u.email, u.password_hash is not null as "hasPassword" from postern."user" as u
    where u.email_key = any(${keys}) and (
      u.password_hash is not null or exists (
        select from postern.session as s
        where s.user_id = u.id and s.credential_version = u.credential_version and s.revoked_at is null
          and s.expires_at > now() and s.idle_expires_at > now() and 'test' <> all(s.amr)
      ))`
)
