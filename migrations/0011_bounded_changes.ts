import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern."user"
      add column change_level float8 not null default 0, -- changes of the password by a session; leaks
      add column change_level_at timestamptz not null default now()`.execute(db)
}
