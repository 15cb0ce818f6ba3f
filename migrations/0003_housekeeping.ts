import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern.challenge
      add column settled_at timestamptz -- its end was seen, and what was left of its charge given back`.execute(db)
  // Two halves of the index that was: each row stands in one of them, so that making a challenge costs what it did.
  await sql`create index challenge_unsettled on postern.challenge (expires_at) where settled_at is null`.execute(db)
  await sql`create index challenge_settled on postern.challenge (expires_at) where settled_at is not null`.execute(db)
  await sql`drop index postern.challenge_expires_at`.execute(db)

  // Rows enter these when they are settled, revoked or written, and leave with them: what is hot stays a HOT update.
  await sql`
    create index mail_with_address on postern.mail (settled_at)
    where settled_at is not null and (email_key is not null or recipient is not null)
  `.execute(db)
  await sql`
    create index mail_without_address on postern.mail (settled_at)
    where settled_at is not null and email_key is null and recipient is null
  `.execute(db)
  await sql`create index session_revoked_at on postern.session (revoked_at) where revoked_at is not null`.execute(db)
  await sql`create index event_at on postern.event (at)`.execute(db)
}
