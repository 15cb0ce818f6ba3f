import { sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import { batched } from '../db/batch.ts'
import { ago, fromNow, seconds } from '../db/interval.ts'
import { statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { MINUTE } from '../lib/time.ts'
import { type UserView, unended, userView } from '../user/store.ts'

/** Seconds after a step in which a late refresh gets the same answer: two tabs, a lost reply, a slow network. */
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

/** What makes the session `s` of the user `u` live. Where the account is read already, `unended` and the version suffice. */
export const live = sql`
  ${unended}
  and u.id = s.user_id and u.credential_version = s.credential_version and u.disabled_at is null`

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
export const findLiveSession = batched(
  (db: Db, asked: readonly { id: string; tokenEnd: number }[]) =>
    findLiveSessions(db, { ids: asked.map(({ id }) => id), tokenEnds: asked.map(({ tokenEnd }) => tokenEnd) }),
  { quick: true }
)

/**
 * The session that a used challenge opened less than a minute ago, for a repeat under the same Idempotency-Key; or the one
 * that it renewed, which its time of authentication shows: the bearer that named it may have run out meanwhile.
 */
export const findOpenedSession = statement(
  { sessionId: 'uuid', challengeId: 'uuid', usedKey: 'bytea' },
  ({ sessionId, challengeId, usedKey }) => sql<SessionView & { deviceId: string | null }>`
    select ${sessionView}, coalesce(s.device_id, c.device_id) as "deviceId"
    from postern.session as s, postern."user" as u, postern.challenge as c
    where c.id = ${challengeId} and c.used_key = ${usedKey} and c.used_at > ${ago(GRACE)}
      and u.email_key = c.email_key and (s.id = ${sessionId} or s.authenticated_at = c.used_at) and ${live}
    order by s.id = ${sessionId} desc limit 1`
)

type Refreshed = SessionView & { stolen: boolean }

/**
 * Moves a session one step on for a genuine refresh token. The row's lock makes parallel refreshes take turns; each is judged by
 * what the one before it left. With `g` the generation presented:
 * - g is the current one: step on; or newer, because a restore or a failover lost the step that made it: step on from there;
 * - within a minute of the last step, g is the parent, or of two tabs that wake up together, one a step behind, the second: no step, the
 *   current token again. That is the parent's own parent where the parent was the current one for longer, or the last token that the
 *   parent was traded for before the current one. Where that was traded for more than once, its holders go on, and the parent is dead:
 *   somebody else might show it all the time, and keep this minute open for good;
 * - g is the parent, later: the reply with the current token was lost; step on, and leave that token dead;
 * - anything else was replaced long ago: the client that sends it has copied it. The session ends.
 * The current token, or a newer one, must be made by the key the row names; an older one may stem from before a rotation.
 */
export const stepSession = statement(
  {
    ...eventParameters,
    id: 'uuid',
    seedHash: 'bytea',
    given: 'int4',
    givenKeyId: 'text',
    keyId: 'text',
    idleTtl: 'int4'
  },
  (slots) => {
    const given = slots.given
    const current = sql`${given} >= s.generation`
    const grace = seconds(GRACE)
    const behind = sql`(${given} > s.parent_generation and ${given} = s.generation - 1)`
    // Null where a release without this column made the last step: that must not make every verdict below null.
    const recent = sql`s.rotated_at > now() - ${grace}
      and (${given} in (s.parent_generation, s.generation)
        or ${behind}
        or (${given} = s.grandparent_generation and coalesce(s.parent_rotated_at < s.rotated_at - ${grace}, false)))`
    const goesOn = sql`(${behind} and s.generation > s.parent_generation + 2)` // or the session ends here, and nothing of it matters
    const lost = sql`${given} = s.parent_generation`
    const steps = sql`(${current} or (not (${recent}) and ${lost}))`
    const stolen = sql`(not (${current}) and not (${recent}) and not (${lost}))`
    return sql<Refreshed>`
      with stepped as (
        update postern.session as s set
          generation = case when ${current} then ${given} + 1 when ${steps} then s.generation + 1 else s.generation end,
          grandparent_generation = case when ${current} then s.parent_generation else s.grandparent_generation end,
          parent_generation = case when ${current} or ${goesOn} then ${given} else s.parent_generation end,
          parent_rotated_at = case when ${current} or ${goesOn} then s.rotated_at else s.parent_rotated_at end,
          rotated_at = case when ${steps} then now() else s.rotated_at end,
          key_id = case when ${steps} then ${slots.keyId} else s.key_id end,
          last_used_at = now(),
          idle_expires_at = least(s.expires_at, ${fromNow(slots.idleTtl)}),
          revoked_at = case when ${stolen} then now() end
        from postern."user" as u
        where s.id = ${slots.id} and s.seed_hash = ${slots.seedHash} and ${live}
          and (${given} < s.generation or s.key_id = ${slots.givenKeyId})
        returning ${sessionView}, s.revoked_at is not null as stolen
      ), noted as (${record({
        from: sql`stepped where stepped.stolen`,
        id: slots.eventId,
        kind: 'refresh_token_reused',
        outcome: sql`'session_ended'`,
        userId: sql`stepped."userId"`,
        client: slots
      })})
      select "sessionId", "sessionCreatedAt", "authenticatedAt", "idleExpiresAt", "expiresAt", generation, "keyId", amr, now,
        "userId", email, "emailVerified", "hasPassword", "userLocale", "userCreatedAt", stolen
      from stepped`
  }
)
