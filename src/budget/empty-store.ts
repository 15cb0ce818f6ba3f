import { sql } from 'kysely'
import { isNotOver } from '../db/interval.ts'
import { statement } from '../db/statement.ts'

/** Empties the lanes of an address that is never mailed, up to and with its last day (in UTC). */
export const emptyLanes = statement(
  { addressMac: 'bytea', lastDay: 'text' },
  ({ addressMac, lastDay }) => sql`
    update postern.address_budget set lanes = '{}'
    where key = ${addressMac} and lanes <> '{}' and ${isNotOver(lastDay)}`
)
