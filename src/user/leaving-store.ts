import { type RawBuilder, sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import { type Slots, statement, statementInTx } from '../db/statement.ts'
import { noticeParameters, queueNotice } from './notice-store.ts'
import { holdCaller } from './store.ts'

const leavingParameters = { ...eventParameters, ...noticeParameters, addressMac: 'bytea' } as const

/**
 * The CTEs that delete the account `caller` and, by the foreign key, its sessions, and promise the mail that says so. Its events
 * stay, identified by its id and the MAC of its address.
 */
const leaving = (slots: Slots<typeof leavingParameters>, outcome: RawBuilder<unknown>) => sql`
  gone as (
    delete from postern."user" as u using caller where u.id = caller.id returning u.id, u.email, u.email_key, u.locale
  ), noted as (${record({
    from: sql`gone`,
    id: slots.eventId,
    kind: 'account_deleted',
    outcome,
    userId: sql`gone.id`,
    addressMac: slots.addressMac,
    client: slots
  })}), told as (${queueNotice('account-deleted', sql`gone`, slots)})`

/** No row: the account is already gone, or the session has ended. */
export const deleteUser = statementInTx(
  { ...leavingParameters, userId: 'uuid', sessionId: 'uuid' },
  (slots) => sql<{ id: string }>`
    with ${holdCaller(slots)}, ${leaving(slots, sql`'deleted'`)} select id from gone`
)

/** As `deleteUser`, by an operator. */
export const deleteUserByOperator = statementInTx(
  { ...leavingParameters, emailKey: 'text' },
  (slots) => sql<{ id: string }>`
    with caller as (
      select u.id from postern."user" as u where u.email_key = ${slots.emailKey}
    ), ${leaving(slots, sql`'by_operator'`)} select id from gone`
)

/** What an account's other rows are found by. */
export const findEmailKey = statement(
  { userId: 'uuid' },
  ({ userId }) => sql<{ emailKey: string }>`
    select u.email_key as "emailKey" from postern."user" as u where u.id = ${userId}`
)
