import { sql } from 'kysely'
import { distinctAlong } from '../db/distinct.ts'
import { statement } from '../db/statement.ts'
import type { Kind } from './decoy.ts'

/** Accounts sampled to learn the mix of stored hashes, or half as many: enough for its shares to be right to some percent. */
const SAMPLE = 40_000
const MOST_KINDS = 32

/**
 * The kinds of stored hashes and how often each is among some thousands of accounts, however many there are.
 * Salts and digests stay in the database.
 *
 * Every look at every instance sees the same pages: by a fresh sample some decoys would change their kind each minute, which
 * no member's hash does. The part of the table that is seen halves when the table has doubled, and each is a part of the one before.
 */
export const sampleHashes = statement(
  {},
  () => sql<Kind>`
    with seen as (
      select u.password_hash as hash
      from postern."user" as u tablesample system (
        (select 100 / 2 ^ greatest(0, ceil(ln(greatest(reltuples, 1) / ${sql.lit(SAMPLE)}) / ln(2)))
         from pg_class where oid = 'postern."user"'::regclass)) repeatable (0)
      where u.password_hash is not null
      limit ${sql.lit(2 * SAMPLE)} -- only met while the server has not counted a table that was just filled
    ), parted as (
      -- by the dollars and not by patterns, which take seconds for so many rows
      select hash, split_part(hash, '$', -3) as scheme, split_part(hash, '$', -2) as salt, split_part(hash, '$', -1) as digest
      from seen
    ), cut as (
      select case when scheme in ('2a', '2b', '2y') then left(hash, -length(digest))
                  when salt <> '' and digest <> '' then nullif(left(hash, -(length(salt) + 1 + length(digest))), '')
             end as start, length(rtrim(digest, '=')) as length
      from parted
    )
    select start, length, count(*)::int4 as "count" from cut
    where start is not null and length is not null
    group by start, length order by count(*) desc limit ${sql.lit(MOST_KINDS)}`
)

/** What decoys are drawn by, the same for all instances. `mix` is empty until a password was stored. */
export const findDecoySource = statement(
  {},
  () => sql<{ seed: Buffer; mix: readonly Kind[] }>`select seed, mix from postern.decoy`
)

/** Keeps a mix (as JSON) for all instances, unless another has been kept since `held` was read: one wins, and the others read it next time. */
export const keepMix = statement(
  { mix: 'text', held: 'text' },
  ({ mix, held }) => sql`update postern.decoy set mix = ${mix}::jsonb where mix = ${held}::jsonb`
)

const id = sql`substr(u.password_hash, 16, 8)`
const isOurs = sql`u.password_hash like '$postern$v=1$%'`

/** The ids of all peppers that stored hashes name, walked id by id along their index. */
export const findPeppers = statement(
  {},
  () => sql<{ id: string }>`
    with recursive ids as (${distinctAlong(sql`postern."user" as u`, id, isOurs)})
    select id from ids where id ~ '^[0-9a-f]{8}$'`
)
