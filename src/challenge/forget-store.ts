import { sql } from 'kysely'
import { statementInTx } from '../db/statement.ts'

/**
 * Takes the address out of its challenges. The rows are kept as long as other challenges: a client that holds one is answered as
 * for an address without an account, and a spent code cannot come back with the id that an Idempotency-Key gives.
 */
export const forgetChallenges = statementInTx(
  { emailKey: 'text' },
  ({ emailKey }) => sql`
    with held as (
      select c.id from postern.challenge as c where c.email_key = ${emailKey} order by c.id for update
    )
    update postern.challenge as c
    set email = '', email_key = '', locale = null, device_id = null, client_network = null, client_agent = null, mailed = false
    from held where c.id = held.id`
)
