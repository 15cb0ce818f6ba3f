import { sql } from 'kysely'
import { record } from '../audit/store.ts'
import { freshRow, passwordColumns, passwordRow, passwordRuling } from '../budget/store.ts'
import { askingNetwork, trustedAmong } from '../challenge/store.ts'
import { gathered } from '../db/gather.ts'
import { statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { deviceCount, makeDevices, noteNetworks, renewDevices } from '../device/store.ts'
import { openedOf, openedView, openSessions, renewSessions, sessionCount } from '../session/open-store.ts'
import type { SessionView } from '../session/store.ts'

/** What a password is held against, as it was read: the number of its version goes into the session. */
export type Credentials = {
  /** Whether there is an account, and a password; without them the members below hold fillers. */
  known: boolean
  hasPassword: boolean
  userId: string
  passwordHash: string
  version: number
  disabled: boolean
}

/** As long as the hashes we make, so that an answer without one takes as long to send and to read. */
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
 * What is known of an address: always one row of the same shape, whether or not there is an account, which would tell by its time.
 * Logins of one moment share a statement.
 */
export const findCredentials = gathered((db: Db, asked: readonly { emailKey: string; fillerId: string }[]) =>
  findAllCredentials(db, {
    emailKeys: asked.map(({ emailKey }) => emailKey),
    fillerIds: asked.map(({ fillerId }) => fillerId)
  })
)

const amr = sql`'{pwd}'::text[]`

/** What became of a password. Without a session it was refused, or is not enough (`guarded`). */
export type Judged = { [K in keyof SessionView]: SessionView[K] | null } & {
  guarded: boolean
  openSessions: number | null
  devices: number | null
  deviceId: string | null
  overtaken: boolean
}

/**
 * Judges a password that was held against its hash: charges a wrong one to the address, whether or not it has an account,
 * and opens or renews a session for a right one, under the version that was read with the hash. The user's row is read `for
 * share`: a reset under way is waited for, and then its new version is seen. What `guarded` says binds both: nobody learns
 * whether a password is right while strangers may not sign in by it alone.
 */
export const judgePassword = statement(
  {
    emailKey: 'text',
    emailMac: 'bytea',
    right: 'bool',
    outcome: 'text',
    known: 'bool',
    userId: 'uuid',
    version: 'int4',
    sessionId: 'uuid',
    seedHash: 'bytea',
    renewId: 'uuid?',
    deviceId: 'uuid',
    deviceSeedHash: 'bytea',
    knownDeviceId: 'uuid?',
    knownSeedHash: 'bytea?',
    eventId: 'uuid',
    network: 'cidr?',
    agent: 'text?',
    requestId: 'text',
    sessionKeyId: 'text',
    idleTtl: 'int4',
    sessionTtl: 'int4',
    deviceKeyId: 'text',
    deviceTtl: 'int4'
  },
  (slots) => {
    const right = sql`${slots.right}`
    const first = passwordRuling({ ...freshRow, pool: sql`trusted.pool`, from: askingNetwork }, right)
    return sql<Judged>`
      with asked as (
        select 1 as place, ${slots.emailKey} as email_key, ${slots.emailMac} as budget_key, ${slots.network} as network,
          ${slots.agent} as agent, ${slots.sessionId} as session_id, ${slots.seedHash} as seed_hash,
          ${slots.renewId} as renew_id, ${slots.deviceId} as device_id, ${slots.deviceSeedHash} as device_seed_hash,
          ${slots.knownDeviceId} as known_device_id, ${slots.knownSeedHash} as known_seed_hash
      ),
      trusted as (${trustedAmong}),
      budget as (
        insert into postern.address_budget as b (key, ${passwordColumns})
        select asked.budget_key, ${passwordColumns}
        from asked join trusted using (place) cross join lateral (${first}) as first
        on conflict (key) do update set (${passwordColumns}) = (
          select ${passwordColumns} from (${passwordRuling(passwordRow, right)}) as next)
        returning key, last_guarded as guarded, last_before as before
      ),
      spent as (
        select asked.place, asked.email_key, trusted.device_id, asked.known_seed_hash as shown_seed_hash
        from asked join trusted using (place)
      ),
      owner as (
        select 1 as place, u.id, u.email, u.email_verified_at, u.password_hash, u.credential_version, u.locale, u.created_at
        from postern."user" as u
        where u.id = ${slots.userId} and ${slots.known} and ${right} and not (select guarded from budget)
          and u.credential_version = ${slots.version} and u.disabled_at is null
        for share of u
      ),
      renewed as (${renewSessions(amr)}),
      created as (${openSessions(slots, amr)}),
      opened as (${openedOf}),
      kept as (${renewDevices(slots)}),
      made as (${makeDevices(slots)}),
      networks as (${noteNetworks}),
      noted as (${record({
        from: sql`budget left join owner on true`,
        id: slots.eventId,
        kind: sql`'sign_in_by_password'`,
        outcome: sql`case when budget.guarded then 'code_required' when owner.id is not null then 'signed_in' else ${slots.outcome} end`,
        userId: sql`case when ${slots.known} then ${slots.userId} end`,
        emailMac: slots.emailMac,
        client: slots
      })})
      select budget.guarded, ${openedView}, coalesce(kept.id, ${slots.deviceId}) as "deviceId",
        ${sessionCount} as "openSessions", ${deviceCount} as devices,
        budget.before is distinct from (
          select b.password_level_at from postern.address_budget as b where b.key = budget.key) as overtaken
      from budget join spent on true left join (owner join opened on true) on true left join kept on true`
  }
)

/** Puts a hash of the same password in the place of an older one, unless a newer password stands there by now. */
export const replaceHash = statement(
  { userId: 'uuid', old: 'text', fresh: 'text' },
  ({ userId, old, fresh }) => sql`
    update postern."user" set password_hash = ${fresh}, updated_at = now()
    where id = ${userId} and password_hash = ${old}`
)
