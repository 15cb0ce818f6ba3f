import { type RawBuilder, sql } from 'kysely'
import { type clientParameters, eventParameters, record } from '../audit/store.ts'
import { fromNow } from '../db/interval.ts'
import { type Slots, statement, statementInTx } from '../db/statement.ts'
import { holdCaller } from '../user/store.ts'

/** What each of several sign-ins brings for its device, and what they all share. */
export const deviceColumns = { deviceId: 'uuid', deviceSeedHash: 'bytea' } as const
export const deviceParameters = { deviceKeyId: 'text', deviceTtl: 'int4' } as const
type DeviceSlots = Slots<typeof deviceParameters>

/**
 * The CTE that gives a new token to each device that sent one. The previous token stays valid, because two tabs may sign in at
 * once; and so does the one that was sent: however many replies are lost, the device still holds it.
 */
export const renewDevices = (slots: DeviceSlots) => sql`
  update postern.device as d
  set previous_seed_hash = d.seed_hash, seed_hash = entering.device_seed_hash,
    shown_seed_hash = coalesce(entering.shown_seed_hash, d.shown_seed_hash), key_id = ${slots.deviceKeyId},
    last_used_at = now(), expires_at = ${fromNow(slots.deviceTtl)},
    client_network = entering.network, client_agent = entering.agent
  from entering
  where d.id = entering.known_device_id and d.email_key = entering.email_key and d.expires_at > now()
  returning entering.place, d.id`

/**
 * The CTE that makes every other client that signed in a trusted device. Only a proven mailbox earns trust: anybody may have set
 * the password of an account that is not proven.
 */
export const makeDevices = (slots: DeviceSlots) => sql`
  insert into postern.device (id, email_key, seed_hash, client_network, client_agent, expires_at, key_id)
  select entering.device_id, entering.email_key, entering.device_seed_hash, entering.network, entering.agent,
    ${fromNow(slots.deviceTtl)}, ${slots.deviceKeyId}
  from entering where entering.proven and not exists (select from kept where kept.place = entering.place)
  returning id`

/** The CTE that trusts the client that set a password by a mailed link: the mailbox is proven. @param from has `email_key` */
export const makeDevice = (
  from: RawBuilder<unknown>,
  slots: DeviceSlots & Slots<typeof deviceColumns & typeof clientParameters>
) => sql`
  insert into postern.device (id, email_key, seed_hash, client_network, client_agent, expires_at, key_id)
  select ${slots.deviceId}, email_key, ${slots.deviceSeedHash}, ${slots.network}, ${slots.agent},
    ${fromNow(slots.deviceTtl)}, ${slots.deviceKeyId}
  from ${from}`

/** The CTE that notes the networks of sign-ins to a proven mailbox; once a day is enough to know one for months. */
export const noteNetworks = sql`
  insert into postern.known_network as n (email_key, network, signed_in_at)
  select entering.email_key, entering.network, now()
  from entering where entering.proven and entering.network is not null
  on conflict (email_key, network) do update set signed_in_at = now()
  where n.signed_in_at < now() - interval '1 day'`

/** Networks that an account may have for each of its devices. */
const NETWORKS_EACH = 2

/** How many devices the owner of `spent` had when the statement began, or as many as its networks stand for. */
export const deviceCount = sql`
  greatest((select count(*)::int4 from postern.device as d where d.email_key = spent.email_key),
    (select count(*)::int4 from postern.known_network as n where n.email_key = spent.email_key) / ${sql.lit(NETWORKS_EACH)})`

/** Forgets what is beyond the newest `most` devices of an account, by last use, and beyond twice as many networks. */
export const forgetExcessTrust = statement(
  { userId: 'uuid', most: 'int4' },
  ({ userId, most }) => sql`
    with owner as (select u.email_key from postern."user" as u where u.id = ${userId}),
    devices as (
      delete from postern.device where id in (
        select d.id from postern.device as d join owner using (email_key)
        order by d.last_used_at desc, d.id desc offset ${most})
    )
    delete from postern.known_network where (email_key, network) in (
      select n.email_key, n.network from postern.known_network as n join owner using (email_key)
      order by n.signed_in_at desc, n.network offset ${most} * ${sql.lit(NETWORKS_EACH)})`
)

/**
 * Ends the trust in the devices and networks of an address. Run it in a transaction that has changed the account's row: that
 * change waited for a sign-in under way, and this statement sees what it left.
 *
 * `keptId` is a device that stays, `sessionId` a session whose own device stays; where the release before opened or renewed it, the
 * device that has the time of its last sign-in.
 */
export const forgetTrust = statementInTx(
  { emailKey: 'text', keptId: 'uuid?', sessionId: 'uuid?' },
  ({ emailKey, keptId, sessionId }) => sql`
    with devices as (
      delete from postern.device as d
      where d.email_key = ${emailKey} and d.id is distinct from ${keptId}
        and not exists (
          select from postern.session as s
          where s.id = ${sessionId} and (s.device_id = d.id or s.authenticated_at = d.last_used_at))
    )
    delete from postern.known_network as n where n.email_key = ${emailKey}`
)

/** A device as its owner may see it. */
type DeviceView = {
  id: string
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
  network: string | null
  agent: string | null
  /** Whether the session signed in from it. */
  current: boolean
}

export const findDevices = statement(
  { userId: 'uuid', sessionId: 'uuid' },
  ({ userId, sessionId }) => sql<DeviceView>`
    select d.id, d.created_at as "createdAt", d.last_used_at as "lastUsedAt", d.expires_at as "expiresAt",
      d.client_network::text as network, d.client_agent as agent,
      exists (select from postern.session as s where s.id = ${sessionId} and s.device_id = d.id) as current
    from postern.device as d join postern."user" as u on u.email_key = d.email_key
    where u.id = ${userId} and d.expires_at > now() order by d.last_used_at desc, d.id desc`
)

/** `held`: whether the session that asks is live itself. If it is not, nothing is forgotten. */
export const deleteDevice = statement(
  { ...eventParameters, userId: 'uuid', sessionId: 'uuid', id: 'uuid' },
  (slots) => sql<{ gone: boolean; held: boolean }>`
    with ${holdCaller(slots)}, gone as (
      delete from postern.device as d using caller, postern."user" as u
      where d.id = ${slots.id} and u.id = caller.id and u.email_key = d.email_key and d.expires_at > now()
      returning d.id
    ), noted as (${record({
      from: sql`gone`,
      id: slots.eventId,
      kind: 'device_forgotten',
      outcome: sql`'done'`,
      userId: slots.userId,
      client: slots
    })})
    select exists (select from gone) as gone, exists (select from caller) as held`
)
