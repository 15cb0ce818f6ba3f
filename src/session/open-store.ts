import { type RawBuilder, sql } from 'kysely'
import { clientParameters, eventParameters, record } from '../audit/store.ts'
import { fromNow } from '../db/interval.ts'
import { type Slots, statement } from '../db/statement.ts'
import { unended } from '../user/store.ts'
import { live } from './store.ts'

/** What each of several sign-ins brings for its session, and what they all share. */
export const openColumns = {
  sessionId: 'uuid',
  seedHash: 'bytea',
  renewId: 'uuid?',
  ...clientParameters
} as const
export const openParameters = { sessionKeyId: 'text', idleTtl: 'int4', sessionTtl: 'int4' } as const
type OpenSlots = Slots<typeof openParameters>

const openedColumns = sql`
  id, user_id, created_at, authenticated_at, idle_expires_at, expires_at, generation, key_id, amr`

/** The device that a sign-in comes from, one of `kept` or `made`; null where it is not trusted. */
const device = sql`
  (select kept.id from kept where kept.place = entering.place union all
   select made.id from made where made.id = entering.device_id limit 1)`

/** The CTE that opens a session for each row of the CTE `entering`, under the credential version that was read there. */
export const openSessions = (slots: OpenSlots): RawBuilder<unknown> => sql`
  insert into postern.session (
    id, user_id, credential_version, seed_hash, generation, parent_generation, grandparent_generation, rotated_at,
    authenticated_at, idle_expires_at, expires_at, last_used_at, amr, client_network, client_agent, device_id, key_id)
  select entering.session_id, entering.user_id, entering.credential_version, entering.seed_hash, 1, 1, 1, now(), now(),
         ${fromNow(slots.idleTtl)}, ${fromNow(slots.sessionTtl)}, now(), entering.amr, entering.network, entering.agent,
         ${device}, ${slots.sessionKeyId}
  from entering where not exists (select from renewed where renewed.user_id = entering.user_id)
  returning ${openedColumns}`

/** The CTE that renews the callers' own sessions, when they belong to who is `entering`, instead of opening others. */
export const renewSessions = sql`
  update postern.session as s
  set authenticated_at = now(), last_used_at = now(), device_id = ${device},
      amr = array(
        select method from unnest(s.amr || entering.amr) as method
        group by method order by array_position('{pwd,otp,test}'::text[], method))
  from entering
  where s.id = entering.renew_id and s.user_id = entering.user_id and s.credential_version = entering.credential_version
    and ${unended}
  returning s.id, s.user_id, s.created_at, s.authenticated_at, s.idle_expires_at, s.expires_at, s.generation, s.key_id, s.amr`

/** The sessions of the CTEs `created` and `renewed`. */
export const openedOf = sql`
  select ${openedColumns} from created union all select ${openedColumns} from renewed`

/** The columns of `SessionView` from a CTE `opened` and the CTE `owner`. */
export const openedView = sql`
  opened.id as "sessionId", opened.created_at as "sessionCreatedAt", opened.authenticated_at as "authenticatedAt",
  opened.idle_expires_at as "idleExpiresAt", opened.expires_at as "expiresAt", opened.generation, opened.key_id as "keyId",
  opened.amr, now() as now, owner.id as "userId", owner.email, owner.email_verified_at is not null as "emailVerified",
  owner.password_hash is not null as "hasPassword", owner.locale as "userLocale", owner.created_at as "userCreatedAt"`

/** At most how many sessions the CTE `owner` had open when the statement began: those that ended by idling count too. */
export const sessionCount = sql`
  (select count(*)::int4 from postern.session as s where s.user_id = owner.id and s.revoked_at is null and s.expires_at > now())`

/**
 * Ends all but the `most` most recently used live sessions of a user. The account is locked first, as by whatever ends sessions of
 * it, so that no two wait for each other.
 */
export const endExcessSessions = statement(
  { ...eventParameters, userId: 'uuid', most: 'int4' },
  (slots) => sql<{ id: string }>`
    with account as (
      select u.id, u.credential_version, u.disabled_at from postern."user" as u where u.id = ${slots.userId} for update
    ), excess as (
      select s.id from postern.session as s, account as u where s.user_id = u.id and s.revoked_at is null and ${live}
      order by s.last_used_at desc, s.id desc offset ${slots.most}
    ), held as (
      select s.id from postern.session as s
      where s.id in (select excess.id from excess) and num_nulls(s.revoked_at) = 1
      order by s.id for update
    ), ended as (
      update postern.session as s set revoked_at = now() from held where s.id = held.id returning s.id, s.user_id
    ), noted as (${record({
      from: sql`(select distinct user_id from ended) as ended`,
      id: slots.eventId,
      kind: 'session_limit',
      outcome: sql`'session_ended'`,
      userId: sql`ended.user_id`,
      client: slots
    })})
    select id from ended`
)
