import { type RawBuilder, sql } from 'kysely'
import { ago } from '../db/interval.ts'
import { statement } from '../db/statement.ts'
import { DAY } from '../lib/time.ts'

/** Where a client calls from, and what kind of client it is. */
export const clientParameters = { network: 'cidr?', agent: 'text?' } as const

/** The parameters of a statement that writes one event. */
export const eventParameters = { eventId: 'uuid', ...clientParameters, requestId: 'text?' } as const

/** The client columns of an event that no client caused. */
export const nobody = { network: null, agent: null, requestId: null }

/** What an event may tell of; docs/operate.md says when each is written. */
export const eventKinds = [
  'sign_in_by_code',
  'sign_in_by_password',
  'code_resent',
  'password_changed',
  'password_reset',
  'password_change_refused',
  'sign_out',
  'session_revoked',
  'other_sessions_revoked',
  'session_limit',
  'refresh_token_reused',
  'device_forgotten',
  'account_updated',
  'account_deleted',
  'account_disabled',
  'account_enabled',
  'sessions_ended',
  'account_imported',
  'accounts_exported',
  'master_key_compromised'
] as const
export type EventKind = (typeof eventKinds)[number]

/** A piece of SQL over the rows of `from`, never a value: a statement is built once, for all who run it. */
type Fragment = RawBuilder<unknown>

/** What is recorded of one event. */
type EventPart = {
  from: Fragment
  id: Fragment
  kind: EventKind
  outcome: Fragment
  userId?: Fragment
  addressMac?: Fragment
  /** Absent when an operator or the service itself caused the event. */
  client?: { network: Fragment; agent: Fragment; requestId: Fragment }
}

/** The `client` of an event in a statement that serves many: each row of `asked` has its own. */
export const askedBy = { network: sql`asked.network`, agent: sql`asked.agent`, requestId: sql`asked.request_id` }

/**
 * The CTE of a statement that writes one audit event: it commits with the change it records, or not at all. Whatever is judged
 * or ended leaves one. A request for a code or a link leaves its own row instead, and a refresh the session's times: at their
 * rates an event would cost as much as the change.
 */
export const record = (event: EventPart): RawBuilder<unknown> => sql`
  insert into postern.event (id, kind, outcome, user_id, email_mac, network, agent, request_id)
  select ${event.id}, ${sql.lit(event.kind)}, ${event.outcome}, ${event.userId ?? sql`null`}, ${event.addressMac ?? sql`null`},
         ${event.client?.network ?? sql`null::cidr`}, ${event.client?.agent ?? sql`null`}, ${event.client?.requestId ?? sql`null`}
  from ${event.from}`

/** Seconds back to which events are searched: they are found by their time alone, and a day of a large service has many. */
const SEARCHED = 2 * DAY

type Event = { at: Date; kind: string; outcome: string; network: string | null; requestId: string | null }

/** What happened lately to an account or at an address, newest first. `addressMac` under the newest key. */
export const findEventsOf = statement(
  { userId: 'uuid?', addressMac: 'bytea', most: 'int4' },
  ({ userId, addressMac, most }) => sql<Event>`
    select e.at, e.kind, e.outcome, e.network::text as network, e.request_id as "requestId" from postern.event as e
    where e.at > ${ago(SEARCHED)} and (e.user_id = ${userId} or e.email_mac = ${addressMac})
    order by e.at desc, e.id desc limit ${most}`
)
