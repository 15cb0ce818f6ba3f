import { type RawBuilder, sql } from 'kysely'
import { record } from '../audit/store.ts'
import { gathered } from '../db/gather.ts'
import { type Slots, statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { MINUTE } from '../lib/time.ts'
import { type UserView, userView } from '../user/store.ts'

/** Seconds after a step in which a refresh that comes late gets the same answer: two tabs, a lost reply, a slow network. */
const GRACE = MINUTE

/** A session as it is presented, and the database's clock when it was read. */
export type SessionView = UserView & {
  sessionId: string
  sessionCreatedAt: Date
  authenticatedAt: Date
  idleExpiresAt: Date
  expiresAt: Date
  generation: number
  keyId: string
  amr: string[]
  now: Date
}

/** A session as a bearer's requests need it: this is the hot path, and each column costs it time. */
export type LiveSession = Omit<SessionView, 'idleExpiresAt' | 'generation' | 'keyId' | 'now'>

/** The columns of `LiveSession` from the rows `s` and `u`. */
const liveSession = sql`
  s.id as "sessionId", s.created_at as "sessionCreatedAt", s.authenticated_at as "authenticatedAt",
  s.expires_at as "expiresAt", s.amr, ${userView}`

/** The columns of `SessionView` from the rows `s` and `u`. */
const sessionView = sql`
  ${liveSession}, s.idle_expires_at as "idleExpiresAt", s.generation, s.key_id as "keyId", now() as now`

/** What makes the session `s` of the user `u` live; every statement on sessions says it. */
const live = sql`
  s.revoked_at is null and s.expires_at > now() and s.idle_expires_at > now()
  and u.id = s.user_id and u.credential_version = s.credential_version and u.disabled_at is null`

export const openParameters = {
  sessionId: 'uuid',
  seedHash: 'bytea',
  sessionKeyId: 'text',
  amr: 'text[]',
  idleTtl: 'int4',
  sessionTtl: 'int4',
  network: 'cidr?',
  agent: 'text?'
} as const
type OpenSlots = Slots<typeof openParameters>

const openedColumns = sql`
  id, user_id, created_at, authenticated_at, idle_expires_at, expires_at, generation, key_id, amr`

/** The arm that opens a session for the arm `owner`, under the credential version that was read there. */
export const openSession = (slots: OpenSlots, unless: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  insert into postern.session (
    id, user_id, credential_version, seed_hash, generation, parent_generation, grandparent_generation, rotated_at,
    authenticated_at, idle_expires_at, expires_at, last_used_at, amr, client_network, client_agent, key_id)
  select ${slots.sessionId}, owner.id, owner.credential_version, ${slots.seedHash}, 1, 1, 1, now(), now(),
         now() + least(${slots.idleTtl}, ${slots.sessionTtl}) * interval '1 second',
         now() + ${slots.sessionTtl} * interval '1 second', now(), ${slots.amr}, ${slots.network}, ${slots.agent},
         ${slots.sessionKeyId}
  from owner where not exists (${unless})
  returning ${openedColumns}`

/** The arm that renews the caller's own session, when it belongs to `owner`, instead of opening another. */
export const renewSession = (slots: Slots<{ renewId: 'uuid'; amr: 'text[]' }>): RawBuilder<unknown> => sql`
  update postern.session as s
  set authenticated_at = now(), last_used_at = now(),
      amr = array(select distinct method from unnest(s.amr || ${slots.amr}) as method order by method)
  from owner
  where s.id = ${slots.renewId} and s.user_id = owner.id and s.credential_version = owner.credential_version
    and s.revoked_at is null and s.expires_at > now() and s.idle_expires_at > now()
  returning s.id, s.user_id, s.created_at, s.authenticated_at, s.idle_expires_at, s.expires_at, s.generation, s.key_id, s.amr`

/** The columns of `SessionView` from an arm `opened` and the arm `owner`. */
export const openedView = sql`
  opened.id as "sessionId", opened.created_at as "sessionCreatedAt", opened.authenticated_at as "authenticatedAt",
  opened.idle_expires_at as "idleExpiresAt", opened.expires_at as "expiresAt", opened.generation, opened.key_id as "keyId",
  opened.amr, now() as now, owner.id as "userId", owner.email, owner.email_verified_at is not null as "emailVerified",
  owner.password_hash is not null as "hasPassword", owner.locale as "userLocale", owner.created_at as "userCreatedAt"`

/** How many sessions the arm `owner` had open when the statement began. */
export const openSessions = sql`
  (select count(*)::int4 from postern.session as s where s.user_id = owner.id and s.revoked_at is null and s.expires_at > now())`

/** Ends what is beyond the newest `most` live sessions of a user, by last use. */
export const endExcessSessions = statement(
  { userId: 'uuid', most: 'int4' },
  ({ userId, most }) => sql<{ id: string }>`
    update postern.session set revoked_at = now()
    where revoked_at is null and id in (
      select s.id from postern.session as s, postern."user" as u
      where u.id = ${userId} and ${live}
      order by s.last_used_at desc, s.id desc offset ${most}
    ) returning id`
)

const findLiveSessions = statement(
  { ids: 'uuid[]', tokenEnds: 'float8[]' },
  ({ ids, tokenEnds }) => sql<LiveSession & { place: number }>`
    select asked.place::int4, ${liveSession}
    from unnest(${ids}, ${tokenEnds}) with ordinality as asked (id, token_end, place), postern.session as s, postern."user" as u
    where s.id = asked.id and to_timestamp(asked.token_end) > now() and ${live}`
)

/**
 * The live session that an access token names. Asked by every request with a bearer, so that those of one moment share
 * a statement.
 *
 * `tokenEnd` is the token's own end, seconds since 1970: the database's clock judges it, so that skewed nodes agree.
 */
export const findLiveSession = gathered((db: Db, asked: readonly { id: string; tokenEnd: number }[]) =>
  findLiveSessions(db, { ids: asked.map(({ id }) => id), tokenEnds: asked.map(({ tokenEnd }) => tokenEnd) })
)

/**
 * The session that a used challenge opened less than a minute ago, for a repeat under the same Idempotency-Key; or the
 * caller's own (`renewId`) when that challenge renewed it, which its time of authentication shows.
 */
export const findOpenedSession = statement(
  { sessionId: 'uuid', renewId: 'uuid?', challengeId: 'uuid', usedKey: 'bytea' },
  ({ sessionId, renewId, challengeId, usedKey }) => sql<SessionView>`
    select ${sessionView} from postern.session as s, postern."user" as u, postern.challenge as c
    where (s.id = ${sessionId} or (s.id = ${renewId} and s.authenticated_at = c.used_at and u.email_key = c.email_key))
      and c.id = ${challengeId} and c.used_key = ${usedKey}
      and c.used_at > now() - ${sql.lit(GRACE)} * interval '1 second' and ${live}`
)

export type Refreshed = SessionView & { stolen: boolean }

/**
 * Steps a session on for a genuine refresh token. The row's lock puts parallel refreshes in a row; each is judged by what
 * the one before it left. With `g` the generation presented:
 * - g is the current one: step on;
 * - within a minute of the last step, g from the parent on, or the parent's own parent (the second of two tabs that wake
 *   up together, one a step behind): no step, the current token again;
 * - g is the parent, later: the reply with the current token was lost; step on, and leave that token dead;
 * - anything else was replaced long ago: whoever shows it copied it. The session ends.
 * The current token must be made by the key the row names; an older one may stem from before a rotation.
 */
export const stepSession = statement(
  {
    id: 'uuid',
    seedHash: 'bytea',
    given: 'int4',
    givenKeyId: 'text',
    keyId: 'text',
    idleTtl: 'int4',
    eventId: 'uuid',
    network: 'cidr?',
    agent: 'text?',
    requestId: 'text'
  },
  (slots) => {
    const given = slots.given
    const current = sql`${given} = s.generation`
    const recent = sql`s.rotated_at > now() - ${sql.lit(GRACE)} * interval '1 second'
      and (${given} between s.parent_generation and s.generation or ${given} = s.grandparent_generation)`
    const lost = sql`${given} = s.parent_generation`
    const steps = sql`(${current} or (not (${recent}) and ${lost}))`
    const stolen = sql`(not (${current}) and not (${recent}) and not (${lost}))`
    return sql<Refreshed>`
      with stepped as (
        update postern.session as s set
          generation = s.generation + case when ${steps} then 1 else 0 end,
          grandparent_generation = case when ${current} then s.parent_generation else s.grandparent_generation end,
          parent_generation = case when ${current} then s.generation else s.parent_generation end,
          rotated_at = case when ${steps} then now() else s.rotated_at end,
          key_id = case when ${steps} then ${slots.keyId} else s.key_id end,
          last_used_at = now(),
          idle_expires_at = case when ${stolen} then s.idle_expires_at
            else least(s.expires_at, now() + ${slots.idleTtl} * interval '1 second') end,
          revoked_at = case when ${stolen} then now() end
        from postern."user" as u
        where s.id = ${slots.id} and s.seed_hash = ${slots.seedHash} and ${live}
          and (${given} < s.generation or s.key_id = ${slots.givenKeyId})
        returning ${sessionView}, s.revoked_at is not null as stolen
      ), noted as (${record({
        from: sql`stepped where stepped.stolen`,
        id: slots.eventId,
        kind: sql`'refresh_token_reused'`,
        outcome: sql`'session_ended'`,
        userId: sql`stepped."userId"`,
        client: slots
      })})
      select "sessionId", "sessionCreatedAt", "authenticatedAt", "idleExpiresAt", "expiresAt", generation, "keyId", amr, now,
        "userId", email, "emailVerified", "hasPassword", "userLocale", "userCreatedAt", stolen
      from stepped`
  }
)
