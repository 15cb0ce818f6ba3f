import { sql } from 'kysely'
import { isNotOver } from '../db/interval.ts'
import { statement } from '../db/statement.ts'
import { unendedOf } from '../user/store.ts'

/** The condition that the last day of `tested` has not passed. */
const stillTested = isNotOver(sql`tested.last_day`)

/** Which of the test addresses a challenge was made for, while its last day has not passed. */
export const findTestAddress = statement(
  { id: 'uuid', keys: 'text[]', lastDays: 'text[]' },
  ({ id, keys, lastDays }) => sql<{ key: string }>`
    select tested.key from postern.challenge as c
    join unnest(${keys}, ${lastDays}) as tested (key, last_day) on tested.key = c.email_key
    where c.id = ${id} and ${stillTested}`
)

/** The addresses with a fixed code in force whose accounts are not test accounts: they have a password, or somebody signed in some other way. */
export const findUsedAddresses = statement(
  { keys: 'text[]', lastDays: 'text[]' },
  ({ keys, lastDays }) => sql<{ email: string; hasPassword: boolean }>`
    select u.email, u.password_hash is not null as "hasPassword"
    from unnest(${keys}, ${lastDays}) as tested (key, last_day) join postern."user" as u on u.email_key = tested.key
    where ${stillTested} and (
      u.password_hash is not null or exists (
        select from postern.session as s
        where ${unendedOf(sql`u.id`)} and s.credential_version = u.credential_version and 'test' <> all(s.amr)
      ))`
)
