import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern.challenge
      add column mailed boolean not null default true -- whether a lane had room for its mail; without one it is never mailed`.execute(
    db
  )
}
