import { sql } from 'kysely'
import { ago } from '../db/interval.ts'
import { DAY } from '../lib/time.ts'

/** How long a network is known for a sign-in that came from it. */
export const KNOWN_NETWORK_TTL = 90 * DAY

/**
 * The CTE that finds what has signed in before: the device whose token came along, or else the network.
 * `limit` keeps the planner to the key: before the tables' first `analyze` it would rather walk an index over times.
 */
export const trustedAmong = sql`
  select asked.place, device.id as device_id,
    case when device.id is not null then 'device:' || device.id
         when known.network is not null then 'network:' || known.network end as pool
  from asked
  left join lateral (
    select d.id, d.email_key, d.seed_hash, d.previous_seed_hash, d.shown_seed_hash, d.expires_at from postern.device as d
    where d.id = asked.known_device_id limit 1
  ) as device on device.email_key = asked.email_key
    and asked.known_seed_hash in (device.seed_hash, device.previous_seed_hash, device.shown_seed_hash) and device.expires_at > now()
  left join lateral (
    select n.network, n.signed_in_at from postern.known_network as n
    where n.email_key = asked.email_key and n.network = asked.network limit 1
  ) as known on known.signed_in_at > ${ago(KNOWN_NETWORK_TTL)}`

/** The network that asks, as the lanes name it. */
export const askingNetwork = sql`'network:' || coalesce(asked.network::text, '')`
