import { type RawBuilder, type Sql, sql } from 'kysely'

/** The parameters of a statement that writes one event. */
export const eventParameters = {
  eventId: 'uuid',
  network: 'cidr?',
  agent: 'text?',
  requestId: 'text?'
} as const

/** What stands in an event that nobody at a client brought about. */
export const nobody = { network: null, agent: null, requestId: null }

/** What can be written of one event; each is an expression over the rows of `from`. */
export type EventPart = {
  from: RawBuilder<unknown>
  id: Fragment
  kind: Fragment
  outcome: Fragment
  userId?: Fragment
  emailMac?: Fragment
  client: { network: Fragment; agent: Fragment; requestId: Fragment }
}
type Fragment = Parameters<Sql>[1]

/**
 * The arm of a statement that writes one audit event: it commits with the change it tells of, or not at all. Whatever is judged
 * or ended leaves one. A request for a code or a link leaves its own row instead, and a refresh the session's times: at their
 * rates an event would cost as much as the change.
 */
export const record = (event: EventPart): RawBuilder<unknown> => sql`
  insert into postern.event (id, kind, outcome, user_id, email_mac, network, agent, request_id)
  select ${event.id}, ${event.kind}, ${event.outcome}, ${event.userId ?? sql`null`}, ${event.emailMac ?? sql`null`},
         ${event.client.network}, ${event.client.agent}, ${event.client.requestId}
  from ${event.from}`
