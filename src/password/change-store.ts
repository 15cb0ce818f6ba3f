import { sql } from 'kysely'
import { statement } from '../db/statement.ts'
import { changeParameters, changingPassword } from './reset-store.ts'

/** What a change is held against: the stored hash, and the version that it was read under. */
export type OwnCredentials = { passwordHash: string | null; version: number; emailKey: string }

export const findOwnCredentials = statement(
  { userId: 'uuid' },
  ({ userId }) => sql<OwnCredentials>`
    select u.password_hash as "passwordHash", u.credential_version as version, u.email_key as "emailKey"
    from postern."user" as u where u.id = ${userId}`
)

/**
 * Sets a password for whoever is signed in. The caller's session goes on under the new version, all others end.
 * No row: the credentials have changed since they were read.
 */
export const setOwnPassword = statement(
  { ...changeParameters, userId: 'uuid', version: 'int4', sessionId: 'uuid' },
  (slots) => sql<{ sessionsEnded: number }>`
    with ${changingPassword(slots, {
      kind: 'password_changed',
      which: sql`u.id = ${slots.userId} and u.credential_version = ${slots.version} and u.disabled_at is null`,
      verifies: false,
      kept: sql`${slots.sessionId}`
    })}, lifted as (
      update postern.session as s set credential_version = changed.credential_version from changed
      where s.id = ${slots.sessionId} and s.user_id = changed.id
        and s.credential_version = changed.credential_version - 1 and s.revoked_at is null
    )
    select ended.number as "sessionsEnded" from ended, changed`
)
