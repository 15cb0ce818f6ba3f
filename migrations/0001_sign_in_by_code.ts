import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table postern."user" (
      id                    uuid primary key,
      email                 text not null,          -- as the person typed it; mail goes here
      email_key             text not null unique,   -- canonical
      email_verified_at     timestamptz,
      password_hash         text,
      credential_version    integer not null default 1, -- raising it ends every session
      credential_changed_at timestamptz,
      locale                text not null,
      external_id           text unique,
      disabled_at           timestamptz,
      created_at            timestamptz not null default now(),
      updated_at            timestamptz not null default now()
    )`.execute(db)

  await sql`
    create table postern.address_budget (
      key           bytea primary key,        -- MAC of the canonical address, known or not
      code_level    double precision not null check (code_level >= 0),
      code_level_at timestamptz not null,     -- the level leaks from here on
      last_length   smallint not null,        -- what the last charge bought
      last_charge   smallint not null,
      created_at    timestamptz not null default now()
    ) with (fillfactor = 70)`.execute(db)

  await sql`
    create table postern.challenge (
      id             uuid primary key,
      purpose        text not null check (purpose in ('sign_in', 'step_up')),
      email          text not null,
      email_key      text not null,           -- kept whether or not an account exists
      budget_key     bytea not null,          -- the address_budget row that was charged
      locale         text,
      code_length    smallint not null,
      code_alphabet  text not null check (code_alphabet in ('digits', 'base32')),
      charged        smallint not null,       -- given back when the right code comes
      tries_left     smallint not null check (tries_left >= 0),
      sends          smallint not null,
      sent_at        timestamptz not null,
      expires_at     timestamptz not null,
      used_at        timestamptz,
      used_key       bytea,                   -- digest of the Idempotency-Key of the request that used it
      client_network cidr,
      client_agent   text,
      key_id         text not null,
      created_at     timestamptz not null default now()
    ) with (fillfactor = 85)`.execute(db)
  await sql`create index challenge_expires_at on postern.challenge (expires_at)`.execute(db)

  await sql`
    create table postern.session (
      id                     uuid primary key,
      user_id                uuid not null references postern."user" (id) on delete cascade,
      credential_version     integer not null,  -- live only while it equals the user's
      seed_hash              bytea not null,
      generation             integer not null,
      parent_generation      integer not null,
      grandparent_generation integer not null,
      rotated_at             timestamptz not null,
      authenticated_at       timestamptz not null,
      idle_expires_at        timestamptz not null, -- without an index, so that a refresh stays a HOT update
      expires_at             timestamptz not null,
      revoked_at             timestamptz,
      last_used_at           timestamptz not null,
      amr                    text[] not null,
      client_network         cidr,
      client_agent           text,
      key_id                 text not null,
      created_at             timestamptz not null default now()
    ) with (fillfactor = 70)`.execute(db)
  await sql`create index session_user_id on postern.session (user_id)`.execute(db)
  await sql`create index session_key_id_expires_at on postern.session (key_id, expires_at)`.execute(db)

  await sql`
    create table postern.mail (
      id          uuid primary key,
      kind        text not null,
      subject_id  uuid not null,          -- the row it speaks of
      email_key   text,                   -- forgotten some days after the mail is settled
      locale      text,
      valid_until timestamptz not null,   -- never sent after this
      due_at      timestamptz not null,   -- also the lease: whoever sends it moves it ahead
      attempts    integer not null default 0,
      state       text not null default 'queued' check (state in ('queued', 'sent', 'refused', 'expired', 'dropped')),
      answer      text,                   -- the mail server's last
      message_id  text not null,
      key_id      text not null,
      sent_at     timestamptz,
      settled_at  timestamptz,
      created_at  timestamptz not null default now()
    ) with (fillfactor = 85)`.execute(db)
  await sql`create index mail_due_at on postern.mail (due_at) where state = 'queued'`.execute(db)

  await sql`
    create table postern.signing_key (
      kid            text primary key,
      alg            text not null,
      public_jwk     jsonb not null,
      sealed_private bytea not null,
      key_id         text not null,        -- the master key that seals it
      activates_at   timestamptz not null, -- published before, signs from here on
      retires_at     timestamptz,          -- verifies until here
      created_at     timestamptz not null default now()
    )`.execute(db)

  await sql`
    create table postern.event (
      id         uuid primary key,
      at         timestamptz not null default now(),
      kind       text not null,
      outcome    text not null,
      user_id    uuid,
      email_mac  bytea,
      network    cidr,
      agent      text,
      request_id text
    )`.execute(db)
}
