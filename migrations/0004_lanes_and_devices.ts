import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table postern.address_budget
      add column pools             jsonb not null default '{}', -- levels of trusted devices and networks: name -> [level, epoch]
      add column lanes             jsonb not null default '{}', -- clocks of the mail lanes: name -> epoch at which the lane is empty
      add column last_pool         text,                        -- what the last charge was taken from; null: the strangers' level
      add column last_from         text,                        -- the network that asked last
      alter column code_level set default 0,
      alter column code_level_at set default now(),
      alter column last_length set default 6,
      alter column last_charge set default 0,
      add column last_wait         double precision not null default 0, -- seconds until the lane it asked for has room
      add column last_guarded      boolean not null default false, -- whether the last password needed a code besides
      add column last_before       timestamptz,                 -- when a code or a password was judged, before the last password
      add column password_level    double precision not null default 0 check (password_level >= 0),
      add column password_level_at timestamptz not null default now()`.execute(db)

  await sql`
    alter table postern.challenge
      add column pool      text,  -- what was charged; null: the strangers' level
      add column device_id uuid`.execute(db)

  await sql`
    create table postern.device (
      id                 uuid primary key,
      email_key          text not null,
      seed_hash          bytea not null,       -- of the newest token
      previous_seed_hash bytea,                -- of the one before it: the reply with the newest may have been lost
      client_network     cidr,
      client_agent       text,
      last_used_at       timestamptz not null default now(),
      expires_at         timestamptz not null,
      key_id             text not null,
      created_at         timestamptz not null default now()
    ) with (fillfactor = 85)`.execute(db)
  await sql`create index device_email_key on postern.device (email_key, last_used_at)`.execute(db)
  await sql`create index device_expires_at on postern.device (expires_at)`.execute(db)

  await sql`
    create table postern.known_network (
      email_key    text not null,
      network      cidr not null,
      signed_in_at timestamptz not null,
      created_at   timestamptz not null default now(),
      primary key (email_key, network)
    ) with (fillfactor = 85)`.execute(db)
  await sql`create index known_network_signed_in_at on postern.known_network (signed_in_at)`.execute(db)
}
