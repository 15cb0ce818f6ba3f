import { sql } from 'kysely'
import { record } from '../audit/store.ts'
import { statement } from '../db/statement.ts'

/** Makes the accounts that do not exist yet, and returns their ids. */
export const insertUsers = statement(
  {
    ids: 'uuid[]',
    emails: 'text[]',
    emailKeys: 'text[]',
    emailMacs: 'bytea[]',
    verified: 'bool[]',
    passwordHashes: 'text?[]',
    locales: 'text[]',
    externalIds: 'text?[]',
    disabled: 'bool[]',
    eventIds: 'uuid[]'
  },
  (slots) => sql<{ id: string }>`
    with given as (
      select id, email, email_key, email_mac, verified, password_hash, locale, external_id, disabled, event_id
      from unnest(${slots.ids}, ${slots.emails}, ${slots.emailKeys}, ${slots.emailMacs}, ${slots.verified},
        ${slots.passwordHashes}, ${slots.locales}, ${slots.externalIds}, ${slots.disabled}, ${slots.eventIds})
        as given (id, email, email_key, email_mac, verified, password_hash, locale, external_id, disabled, event_id)
    ), made as (
      insert into postern."user"
        (id, email, email_key, email_verified_at, password_hash, locale, external_id, disabled_at)
      select id, email, email_key, case when verified then now() end, password_hash, locale, external_id,
        case when disabled then now() end
      from given order by email_key
      on conflict do nothing
      returning id
    ), noted as (${record({
      from: sql`made join given using (id)`,
      id: sql`given.event_id`,
      kind: 'account_imported',
      outcome: sql`'by_operator'`,
      userId: sql`given.id`,
      addressMac: sql`given.email_mac`
    })})
    select id from made`
)

/** What has made a row no account; without a reason the account exists already. */
type Holder = { place: number; reason: string | null }

/** For each row that made no account: what of it is another account's, as words for the report. Places count from 1. */
export const findHolders = statement(
  { emailKeys: 'text[]', ids: 'uuid?[]', externalIds: 'text?[]' },
  ({ emailKeys, ids, externalIds }) => sql<Holder>`
    select given.place::int4,
      case when u.id <> given.id then 'the address belongs to another id'
        when u.external_id <> given.external_id then 'the address belongs to another external_id'
        when u.id is not null then null
        when exists (select from postern."user" as other where other.id = given.id) then 'id belongs to another address'
        else 'external_id belongs to another address' end as reason
    from unnest(${emailKeys}, ${ids}, ${externalIds}) with ordinality as given (email_key, id, external_id, place)
    left join postern."user" as u on u.email_key = given.email_key`
)

/** An account as it is exported. */
type PortableRow = {
  id: string
  email: string
  passwordHash: string | null
  verified: boolean
  locale: string
  externalId: string | null
  disabled: boolean
}

/** The next accounts in the order of their ids. */
export const findUsersAfter = statement(
  { id: 'uuid', most: 'int4' },
  ({ id, most }) => sql<PortableRow>`
    select u.id, u.email, u.password_hash as "passwordHash", u.email_verified_at is not null as verified, u.locale,
      u.external_id as "externalId", u.disabled_at is not null as disabled
    from postern."user" as u where u.id > ${id} order by u.id limit ${most}`
)

export const noteExport = statement({ eventId: 'uuid' }, ({ eventId }) =>
  record({
    from: sql`(select 1) as once`,
    id: eventId,
    kind: 'accounts_exported',
    outcome: sql`'by_operator'`
  })
)
