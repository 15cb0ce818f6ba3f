import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Whoever leaves takes every link of the address along, used ones too. It also serves what asks for unused ones, so that
  // password_reset_email_key, which the release before this knows only, can go with a later one.
  await sql`create index password_reset_address on postern.password_reset (email_key)`.execute(db)

  // Rows enter it when they are settled: promising a mail costs what it did. Those that wait are found by mail_due_at.
  await sql`
    create index mail_settled_address on postern.mail (email_key)
    where settled_at is not null and email_key is not null`.execute(db)
}
