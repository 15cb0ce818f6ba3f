import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Which peppers stored passwords name: asked at every start, of tables of any size.
  await sql`
    create index user_password_pepper on postern."user" (substr(password_hash, 16, 8))
    where password_hash like '$postern$v=1$%'`.execute(db)
}
