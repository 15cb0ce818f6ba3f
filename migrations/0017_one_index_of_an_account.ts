import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // By itself: a dump must only put this off, and not have the index that replaces it built again at each try.
  await sql`drop index if exists postern.session_user_id`.execute(db)
}
