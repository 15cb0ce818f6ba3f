import { type RawBuilder, sql } from 'kysely'
import { type EventKind, record } from '../audit/store.ts'
import { statement } from '../db/statement.ts'
import { unendedOf } from './store.ts'

/** What an operator's command did to an account. No row: there is no account. */
export type Administered = { changed: boolean; sessionsEnded: number }

/** @param change the columns that are set; the version ends the sessions where it rises */
const administering = (change: { kind: EventKind; set: RawBuilder<unknown>; where: RawBuilder<unknown> }) =>
  statement(
    { emailKey: 'text', addressMac: 'bytea', eventId: 'uuid' },
    ({ emailKey, addressMac, eventId }) => sql<Administered>`
      with found as (
        select u.id, u.credential_version from postern."user" as u where u.email_key = ${emailKey} for update
      ), changed as (
        update postern."user" as u set ${change.set}, updated_at = now() from found
        where u.id = found.id and ${change.where}
        returning u.id, u.credential_version
      ), ended as (
        select count(*)::int4 as number
        from changed join found using (id) join postern.session as s on ${unendedOf(sql`found.id`)}
        where changed.credential_version > found.credential_version and s.credential_version = found.credential_version
      ), noted as (${record({
        from: sql`changed`,
        id: eventId,
        kind: change.kind,
        outcome: sql`'by_operator'`,
        userId: sql`changed.id`,
        addressMac
      })})
      select changed.id is not null as changed, ended.number as "sessionsEnded"
      from found left join changed using (id) cross join ended`
  )

/** Sets `credential_changed_at`, so that no earlier code or link opens the account once it is enabled again. */
export const disableUser = administering({
  kind: 'account_disabled',
  set: sql`disabled_at = now(), credential_version = u.credential_version + 1, credential_changed_at = clock_timestamp()`,
  where: sql`u.disabled_at is null`
})

export const enableUser = administering({
  kind: 'account_enabled',
  set: sql`disabled_at = null`,
  where: sql`u.disabled_at is not null`
})

export const endSessionsOf = administering({
  kind: 'sessions_ended',
  set: sql`credential_version = u.credential_version + 1`,
  where: sql`true`
})
