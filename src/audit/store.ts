import { type RawBuilder, type Sql, sql } from 'kysely'

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

/** The arm of a statement that writes one audit event: it commits with the change it tells of, or not at all. */
export const record = (event: EventPart): RawBuilder<unknown> => sql`
  insert into postern.event (id, kind, outcome, user_id, email_mac, network, agent, request_id)
  select ${event.id}, ${event.kind}, ${event.outcome}, ${event.userId ?? sql`null`}, ${event.emailMac ?? sql`null`},
         ${event.client.network}, ${event.client.agent}, ${event.client.requestId}
  from ${event.from}`
