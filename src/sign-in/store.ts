import { type RawBuilder, sql } from 'kysely'
import type { Slots } from '../db/statement.ts'
import {
  deviceColumns,
  deviceCount,
  deviceParameters,
  makeDevices,
  noteNetworks,
  renewDevices
} from '../device/store.ts'
import {
  openColumns,
  openedOf,
  openedView,
  openParameters,
  openSessions,
  renewSessions,
  sessionCount
} from '../session/open-store.ts'
import type { SessionView } from '../session/store.ts'

/** What each of several sign-ins brings for its session and its device, and what they all share. */
export const signInColumns = { ...openColumns, ...deviceColumns } as const
export const signInParameters = { ...openParameters, ...deviceParameters } as const

/** The outcome of a sign-in; null in every column where nobody was signed in. */
export type SignedIn = { [K in keyof SessionView]: SessionView[K] | null } & {
  /** Sessions and devices that the account had when the statement began. */
  openSessions: number | null
  devices: number | null
  deviceId: string | null
}

/**
 * What each sign-in is made of, joined once for the changes that read it: a statement sets up every join anew each time it runs.
 *
 * @param amr how they signed in, an array of texts (RFC 8176)
 */
const enteringWith = (amr: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select place, owner.id as user_id, owner.credential_version, owner.email_verified_at is not null as proven, spent.email_key,
    spent.device_id as known_device_id, spent.shown_seed_hash, asked.session_id, asked.seed_hash, asked.renew_id, asked.device_id,
    asked.device_seed_hash, asked.network, asked.agent, ${amr} as amr
  from owner join spent using (place) join asked using (place)`

/**
 * The CTEs by which each account in `owner` gets a session and is known from then on: entering, kept, made, renewed, created,
 * opened, networks. They read `asked`, `spent` (email_key, device_id and shown_seed_hash of each place) and `owner` (accounts, by place).
 *
 * @param amr as in `enteringWith`
 */
export const signingIn = (slots: Slots<typeof signInParameters>, amr: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  entering as (${enteringWith(amr)}),
  kept as (${renewDevices(slots)}),
  made as (${makeDevices(slots)}),
  renewed as (${renewSessions}),
  created as (${openSessions(slots)}),
  opened as (${openedOf}),
  networks as (${noteNetworks})`

/** The columns of `SignedIn`, from `asked`, `spent` and `signedInAt`. */
export const signedInView = sql`
  ${openedView}, coalesce(kept.id, asked.device_id) as "deviceId", ${sessionCount} as "openSessions", ${deviceCount} as devices`

/** Joins what `signingIn` did for a place. */
export const signedInAt = (place: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  left join (owner join opened on opened.user_id = owner.id) on owner.place = ${place}
  left join kept on kept.place = ${place}`
