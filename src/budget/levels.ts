import { type RawBuilder, sql } from 'kysely'
import { DAY } from '../lib/time.ts'

/** A level leaks by 10 in 30 days: some 130 guesses at six digits a year at the most, which is 1.4e-4 for an account. */
const LEAK_PER_SECOND = 10 / (30 * DAY)

type Sql = RawBuilder<unknown>

/** What is left of a level at `clock`; never more than it was, even if the clock was read before the row's last change. */
export const leaked = (level: Sql, since: Sql, clock: Sql): Sql => sql`
  greatest(0, ${level} - ${sql.lit(LEAK_PER_SECOND)} * greatest(0, ${clock} - ${since}))`

export const epochOf = (at: Sql): Sql => sql`extract(epoch from ${at})::float8`

/** The level of a trusted device or network, by its name among a budget row's pools; 0 when it has none. */
export const poolLevel = (pools: Sql, pool: Sql, clock: Sql): Sql => sql`
  coalesce(${leaked(sql`(${pools} -> ${pool} ->> 0)::float8`, sql`(${pools} -> ${pool} ->> 1)::float8`, clock)}, 0)`

/** A budget row's pools without those that have leaked away. */
export const livePools = (pools: Sql, clock: Sql): Sql => sql`(
  select coalesce(jsonb_object_agg(pool.name, pool.entry), '{}') from jsonb_each(${pools}) as pool (name, entry)
  where ${leaked(sql`(pool.entry ->> 0)::float8`, sql`(pool.entry ->> 1)::float8`, clock)} > 0)`

/** A budget row's pools with another level for one of them. */
export const withPool = (pools: Sql, pool: Sql, level: Sql, clock: Sql): Sql => sql`
  ${pools} || jsonb_build_object(${pool}, jsonb_build_array(${level}, ${clock}))`
