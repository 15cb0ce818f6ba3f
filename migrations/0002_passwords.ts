import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table postern.password_reset (
      id             uuid primary key,
      email          text not null,         -- as typed
      email_key      text not null,         -- kept whether or not an account exists
      budget_key     bytea not null,        -- the address_budget row that is held while its resets change
      locale         text,
      expires_at     timestamptz not null,
      used_at        timestamptz,           -- also when another reset of the address was used
      used_key       bytea,                 -- digest of the Idempotency-Key of the request that used it
      sessions_ended integer,               -- what that request was answered
      key_id         text not null,
      created_at     timestamptz not null default now()
    ) with (fillfactor = 85)`.execute(db)
  await sql`
    create index password_reset_email_key on postern.password_reset (email_key, created_at) where used_at is null`.execute(
    db
  )
  await sql`create index password_reset_expires_at on postern.password_reset (expires_at)`.execute(db)

  // A notice goes to the address an account had, and must arrive when the account is gone.
  await sql`alter table postern.mail add column recipient text`.execute(db)
  // Whoever leaves takes every challenge of the address along, however many of others there are.
  await sql`create index challenge_email_key on postern.challenge (email_key)`.execute(db)
}
