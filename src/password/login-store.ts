import { sql } from 'kysely'
import { batched } from '../db/batch.ts'
import { statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'

/** What a password is checked against, as it was read; its version goes into the session. */
export type Credentials = {
  /** Whether there is an account, and a password; without them the members below hold fillers. */
  known: boolean
  hasPassword: boolean
  userId: string
  passwordHash: string
  version: number
  disabled: boolean
}

/** About as long as the hashes we make (76 to 120 characters), so that an answer without one takes as long to send and to read. */
const FILLER_HASH = '-'.repeat(88)

const findAllCredentials = statement(
  { emailKeys: 'text[]', fillerIds: 'uuid[]' },
  ({ emailKeys, fillerIds }) => sql<Credentials & { place: number }>`
    select asked.place::int4, u.id is not null as known, u.password_hash is not null as "hasPassword",
      coalesce(u.id, asked.filler_id) as "userId", coalesce(u.password_hash, ${sql.lit(FILLER_HASH)}) as "passwordHash",
      coalesce(u.credential_version, 1) as version, u.disabled_at is not null as disabled
    from unnest(${emailKeys}, ${fillerIds}) with ordinality as asked (email_key, filler_id, place)
      left join postern."user" as u on u.email_key = asked.email_key`
)

/**
 * What is known about an address: always one row of the same shape, so that the time does not reveal whether there is an account.
 * Logins of one moment share a statement.
 */
export const findCredentials = batched((db: Db, asked: readonly { emailKey: string; fillerId: string }[]) =>
  findAllCredentials(db, {
    emailKeys: asked.map(({ emailKey }) => emailKey),
    fillerIds: asked.map(({ fillerId }) => fillerId)
  })
)

/** Replaces an older hash by a new one of the same password, unless the password has been changed meanwhile. */
export const replaceHash = statement(
  { userId: 'uuid', old: 'text', fresh: 'text' },
  ({ userId, old, fresh }) => sql`
    update postern."user" set password_hash = ${fresh}, updated_at = now()
    where id = ${userId} and password_hash = ${old}`
)
