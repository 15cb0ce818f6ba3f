import { sql } from 'kysely'
import { DatabaseUnavailable, isReadOnlyRefusal } from './failure.ts'
import { statement } from './statement.ts'
import type { Db } from './tables.ts'

/** Needs the right to write, but writes nothing. When refused, `connect` drops the connection: the next may reach a primary. */
const askToWrite = statement({}, () => sql`select from postern.signing_key where false for update`)

/** Whether the database is read-only: a standby, or one that somebody has set so. */
export async function isReadOnly(db: Db): Promise<boolean> {
  try {
    await askToWrite(db, {})
    return false
  } catch (error) {
    if (error instanceof DatabaseUnavailable && isReadOnlyRefusal(error.cause)) return true
    throw error
  }
}
