import { type RawBuilder, sql } from 'kysely'
import { type EventKind, eventParameters, record } from '../audit/store.ts'
import { ago } from '../db/interval.ts'
import { type Slots, statement } from '../db/statement.ts'
import { MINUTE } from '../lib/time.ts'
import { holdCaller, unendedOf } from '../user/store.ts'
import { live } from './store.ts'

/** One of a user's live sessions, as its owner sees it in a list. */
type ListedSession = {
  id: string
  createdAt: Date
  authenticatedAt: Date
  lastUsedAt: Date
  expiresAt: Date
  amr: string[]
  network: string | null
  agent: string | null
}

/**
 * A user's live sessions, the last used first. Of the one that asks nothing is told that moves with a refresh: whoever has copied
 * its tokens would learn when its owner has refreshed, and could then present the old refresh token while that is still forgiven.
 */
export const listLiveSessions = statement(
  { userId: 'uuid', current: 'uuid' },
  ({ userId, current }) => sql<ListedSession>`
    select s.id, s.created_at as "createdAt", s.authenticated_at as "authenticatedAt",
      case when s.id = ${current} then now() else s.last_used_at end as "lastUsedAt",
      case when s.id = ${current} then s.expires_at else least(s.expires_at, s.idle_expires_at) end as "expiresAt",
      s.amr, s.client_network::text as network, s.client_agent as agent
    from postern.session as s, postern."user" as u where s.user_id = ${userId} and s.revoked_at is null and ${live}
    order by s.id = ${current} desc, s.last_used_at desc, s.id desc`
)

/** Seconds for which a sign-in proves the person: enough to fill in a form, too short to come across an open screen. */
export const RECENT_SIGN_IN = 5 * MINUTE

/** Of a live session. It is asked late, when the body has come, and a client may take its time with that. */
export const isSignInRecent = statement(
  { id: 'uuid' },
  ({ id }) => sql<{ recent: boolean }>`
    select s.authenticated_at >= ${ago(RECENT_SIGN_IN)} as recent
    from postern.session as s, postern."user" as u where s.id = ${id} and ${live}`
)

/**
 * The CTEs that end the sessions which `which` picks, with one event that says why: ended, noted.
 *
 * @param from more rows that `which` reads, as a from clause
 */
const ending = (
  slots: Slots<typeof eventParameters>,
  kind: EventKind,
  which: RawBuilder<unknown>,
  from: RawBuilder<unknown> = sql``
) => sql`
  ended as (
    update postern.session as s set revoked_at = now() ${from} where ${which} returning s.user_id
  ), noted as (${record({
    from: sql`(select distinct user_id from ended) as ended`,
    id: slots.eventId,
    kind,
    outcome: sql`'session_ended'`,
    userId: sql`ended.user_id`,
    client: slots
  })})`

/** `held`: whether the session that asks is live itself. If it is not, nothing was ended. */
type EndedByOwner = { ended: number; held: boolean }

const ownerParameters = { ...eventParameters, userId: 'uuid', sessionId: 'uuid' } as const

const endingOwn = (slots: Slots<typeof ownerParameters>, kind: EventKind, which: RawBuilder<unknown>) => {
  const version = sql`(s.credential_version = caller.version or s.id = ${slots.sessionId})` // that of the caller is held already
  const own = sql`${unendedOf(sql`caller.id`)} and ${version}`
  return sql<EndedByOwner>`
    with ${holdCaller(slots)}, ${ending(slots, kind, sql`${own} and ${which}`, sql`from caller`)}
    select (select count(*)::int4 from ended) as ended, exists (select from caller) as held`
}

export const endOwnSession = statement({ ...ownerParameters, id: 'uuid' }, (slots) =>
  endingOwn(slots, 'session_revoked', sql`s.id = ${slots.id}`)
)

export const endOtherOwnSessions = statement(ownerParameters, (slots) =>
  endingOwn(slots, 'other_sessions_revoked', sql`s.id <> ${slots.sessionId}`)
)

/** Signs out by the session's id alone: the caller has shown a genuine token of it. */
export const endSessionById = statement(
  { ...eventParameters, id: 'uuid' },
  (slots) => sql`with ${ending(slots, 'sign_out', sql`s.id = ${slots.id} and num_nulls(s.revoked_at) = 1`)} select`
)

/** As `endSessionById`, for the holder of a refresh token: its seed must be the session's. */
export const endSessionBySeed = statement(
  { ...eventParameters, id: 'uuid', seedHash: 'bytea' },
  (slots) => sql`
    with ${ending(slots, 'sign_out', sql`s.id = ${slots.id} and s.seed_hash = ${slots.seedHash} and num_nulls(s.revoked_at) = 1`)}
    select`
)
