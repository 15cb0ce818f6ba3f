import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table postern.installation_tally (
      hour         timestamptz primary key,           -- the beginning of it
      wrong_short  integer not null default 0,        -- wrong guesses that were judged at codes of six digits
      completed    integer not null default 0,        -- challenges that ended with the right code
      created_at   timestamptz not null default now()
    ) with (fillfactor = 50)`.execute(db)
}
