import { sql } from 'kysely'
import { statementInTx } from '../db/statement.ts'

/**
 * Locks the budget rows of an address, creating them if need be, so that changes to the address's links and credentials run one
 * at a time. It is the first lock to take, as everywhere.
 */
export const lockBudgets = statementInTx(
  { keys: 'bytea[]' },
  ({ keys }) => sql`
    insert into postern.address_budget as b (key, code_level, code_level_at, last_length, last_charge)
    select distinct asked.key, 0, now(), 6, 0 from unnest(${keys}) as asked (key) order by asked.key
    on conflict (key) do update set last_charge = b.last_charge`
)
