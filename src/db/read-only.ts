import { sql } from 'kysely'
import { DatabaseUnavailable, isReadOnlyRefusal } from './failure.ts'
import { statement } from './statement.ts'
import type { Db } from './tables.ts'

/** Asks to write without writing: it is refused where that is, and `connect` then drops the connection, for the next may be to a primary. */
const askToWrite = statement({}, () => sql`select from postern.signing_key where false for update`)

/** Whether nothing can be written: a standby, or a database that somebody has set so. */
export async function isReadOnly(db: Db): Promise<boolean> {
  try {
    await askToWrite(db, {})
    return false
  } catch (error) {
    if (error instanceof DatabaseUnavailable && isReadOnlyRefusal(error.cause)) return true
    throw error
  }
}
