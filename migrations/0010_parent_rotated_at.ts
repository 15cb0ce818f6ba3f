import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern.session
      add column parent_rotated_at timestamptz -- when the parent was made: how long it was the current one`.execute(db)
}
