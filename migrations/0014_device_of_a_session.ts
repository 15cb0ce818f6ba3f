import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // The device that stays trusted when the session's owner changes the password. Null for sessions of the release before.
  await sql`alter table postern.session add column device_id uuid`.execute(db)
}
