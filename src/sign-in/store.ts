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
 * The CTEs by which each account in `owner` gets a session and is known from then on: kept, made, renewed, created,
 * opened, networks. They read `asked`, `spent` (email_key, device_id and shown_seed_hash of each place) and `owner` (accounts, by place).
 *
 * @param amr how they signed in, an array of texts (RFC 8176)
 */
export const signingIn = (slots: Slots<typeof signInParameters>, amr: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  kept as (${renewDevices(slots)}),
  made as (${makeDevices(slots)}),
  renewed as (${renewSessions(amr)}),
  created as (${openSessions(slots, amr)}),
  opened as (${openedOf}),
  networks as (${noteNetworks})`

/** The columns of `SignedIn`, from `asked`, `spent` and `signedInAt`. */
export const signedInView = sql`
  ${openedView}, coalesce(kept.id, asked.device_id) as "deviceId", ${sessionCount} as "openSessions", ${deviceCount} as devices`

/** Joins what `signingIn` did for a place. */
export const signedInAt = (place: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  left join (owner join opened on opened.user_id = owner.id) on owner.place = ${place}
  left join kept on kept.place = ${place}`
