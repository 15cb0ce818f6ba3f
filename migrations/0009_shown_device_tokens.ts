import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern.challenge
      add column shown_seed_hash bytea -- of the device token that the code was asked for with`.execute(db)
  await sql`
    alter table postern.device
      add column shown_seed_hash bytea -- of the token it signed in with last: what it surely holds`.execute(db)
}
