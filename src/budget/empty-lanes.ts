import { type Expression, sql } from 'kysely'
import { statement } from '../db/statement.ts'

/** The condition that a day, as YYYY-MM-DD in UTC, is not over. */
export const isNotOver = (day: Expression<string>) => sql<boolean>`now() at time zone 'UTC' < ${day}::date + 1`

/** Empties the lanes of an address that is never mailed, up to and with its last day (in UTC). */
export const emptyLanes = statement(
  { addressMac: 'bytea', lastDay: 'text' },
  ({ addressMac, lastDay }) => sql`
    update postern.address_budget set lanes = '{}'
    where key = ${addressMac} and lanes <> '{}' and ${isNotOver(lastDay)}`
)
