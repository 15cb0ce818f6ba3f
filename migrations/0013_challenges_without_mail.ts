import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Nobody can use a challenge whose code was never mailed, and strangers can have many made: they go soon after their end.
  await sql`create index challenge_without_mail on postern.challenge (expires_at) where not mailed`.execute(db)
}
