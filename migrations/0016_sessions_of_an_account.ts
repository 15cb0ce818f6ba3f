import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Ended sessions are kept for a month, and an account can have any number of them: whoever asks for those that are open must not
  // read the others. It serves all that the index of accounts alone did.
  await sql`create index session_account on postern.session (user_id, revoked_at)`.execute(db)
}
