import type { Pool } from 'pg'

/** Rows of one insert: some seconds of work. */
const CHUNK = 100_000

/** An id that sorts by `i`, as those of the service sort by their time. */
const id = `('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid`
/** Ended some hours ago, and not yet so long that it would be purged while the bench runs. */
const ended = `now() - interval '1 hour' - i % 60000 * interval '1 second'`
const rows = `generate_series($1::int, $2::int) as i join bench_member as m on m.n = i % (select count(*) from bench_member)`

/** Share of the rows, and the insert of rows `$1` to `$2` under the key `$3`. */
const tables: Record<string, [share: number, insert: string]> = {
  challenge: [
    0.25,
    `insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged,
       tries_left, sends, sent_at, expires_at, used_at, settled_at, created_at, key_id)
     select ${id}, 'sign_in', m.email, m.email, sha256(m.email::bytea), 6, 'digits', 3, 2, 1, ${ended}, ${ended}, ${ended},
       ${ended}, ${ended}, $3 from ${rows}`
  ],
  mail: [
    0.25,
    `insert into postern.mail (id, kind, subject_id, email_key, valid_until, due_at, attempts, state, answer, message_id,
       key_id, sent_at, settled_at, created_at)
     select ${id}, 'code', ${id}, m.email, ${ended}, ${ended}, 1, 'sent', '250 2.0.0 taken', i || '@bench.example', $3,
       ${ended}, ${ended}, ${ended} from ${rows}`
  ],
  event: [
    0.25,
    `insert into postern.event (id, at, kind, outcome, user_id, email_mac, network, agent, request_id)
     select ${id}, ${ended}, 'sign_in_by_code', 'signed_in', m.id, sha256(m.email::bytea), '127.0.0.1/32', 'dead', i::text
     from ${rows} where $3 <> ''`
  ],
  session: [
    0.15,
    `insert into postern.session (id, user_id, credential_version, seed_hash, generation, parent_generation,
       grandparent_generation, rotated_at, authenticated_at, idle_expires_at, expires_at, revoked_at, last_used_at, amr, key_id)
     select ${id}, m.id, 1, sha256(i::text::bytea), 1, 1, 1, ${ended}, ${ended}, ${ended},
       ${ended} + i % 2 * interval '90 days', case i % 2 when 1 then ${ended} end, ${ended}, '{otp}', $3 from ${rows}`
  ],
  address_budget: [
    0.1,
    `insert into postern.address_budget (key, code_level, code_level_at)
     select sha256(('dead' || i)::bytea), 3, ${ended} from generate_series($1::int, $2::int) as i where $3 <> ''`
  ]
}

/** Writes ended rows in chunks, spread over all members. @returns bytes of the database thereafter */
export async function fill(pool: Pool, count: number, keyId: string): Promise<number> {
  await pool.query(
    `create table bench_member as
     select (row_number() over (order by id) - 1)::int as n, id, email from postern."user" where password_hash is not null`
  )
  await pool.query('alter table bench_member add primary key (n)')
  for (const [share, insert] of Object.values(tables)) {
    const most = Math.round(count * share)
    for (let from = 1; from <= most; from += CHUNK)
      await pool.query(insert, [from, Math.min(most, from + CHUNK - 1), keyId])
  }
  // What autovacuum would do in the middle of a slice.
  for (const table of Object.keys(tables)) await pool.query(`vacuum (analyze) postern.${table}`)
  const { rows: found } = await pool.query<{ size: string }>('select pg_database_size(current_database()) as size')
  return Number(found[0]?.size)
}
