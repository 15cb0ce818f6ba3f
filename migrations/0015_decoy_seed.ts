import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // What decoy hashes are drawn by, in the one row that is made here. The seed is random and not derived from a master key, for
  // these come and go. It is not sealed: who reads it reads the accounts beside it as well, and has no need to guess who has one.
  await sql`
    create table postern.decoy (
      seed        bytea primary key,
      mix         jsonb not null default '[]', -- kinds of stored hashes, and how often each is drawn
      created_at  timestamptz not null default now()
    )`.execute(db)
  await sql`
    insert into postern.decoy (seed) values (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))`.execute(db)
}
