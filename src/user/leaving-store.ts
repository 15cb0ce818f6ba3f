import { sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import { statement } from '../db/statement.ts'
import { noticeParameters, queueNotice } from './notice-store.ts'
import { holdCaller } from './store.ts'

/**
 * Deletes the caller's account and, by the foreign key, its sessions. Its events stay, identified by its id and the MAC of its
 * address. No row: it is already gone, or the session has ended.
 */
export const deleteUser = statement(
  {
    ...eventParameters,
    ...noticeParameters,
    userId: 'uuid',
    sessionId: 'uuid',
    addressMac: 'bytea'
  },
  (slots) => sql<{ id: string }>`
    with ${holdCaller(slots)}, gone as (
      delete from postern."user" as u using caller where u.id = caller.id returning u.id, u.email, u.email_key, u.locale
    ), noted as (${record({
      from: sql`gone`,
      id: slots.eventId,
      kind: 'account_deleted',
      outcome: sql`'deleted'`,
      userId: sql`gone.id`,
      addressMac: slots.addressMac,
      client: slots
    })}), told as (${queueNotice('account-deleted', sql`gone`, slots)})
    select id from gone`
)

/** What an account's other rows are found by. */
export const findEmailKey = statement(
  { userId: 'uuid' },
  ({ userId }) => sql<{ emailKey: string }>`
    select u.email_key as "emailKey" from postern."user" as u where u.id = ${userId}`
)
