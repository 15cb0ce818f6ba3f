import { type Expression, type RawBuilder, sql } from 'kysely'
import { lanesAfter, type Purpose, waitAt } from './lanes.ts'
import { epochOf, leaked, livePools, poolLevel, withPool } from './levels.ts'

/** Wrong passwords that strangers may give for one address, and each trusted device or network for itself. */
export const WRONG_PASSWORDS = 10

type Sql = RawBuilder<unknown>

/** A budget row as a CTE finds it. `pool` names the trusted device or network that asks, if any; `from` its network. */
export type Row = Record<'level' | 'at' | 'before' | 'pools' | 'lanes' | 'pool' | 'from', Sql>

/** The row of an address that was never seen. */
export const freshRow = {
  level: sql`0`,
  at: sql`now()`,
  before: sql`null::timestamptz`,
  pools: sql`'{}'::jsonb`,
  lanes: sql`'{}'::jsonb`
}
/** When a code or a password was last judged by the budget row `b`, or a code was asked for. */
export const lastJudged = sql`greatest(b.password_level_at, b.code_level_at)`
/** The row `b` of an upsert; which client asks is taken from the row that would have been inserted. */
const rowOf = (level: 'code_level' | 'password_level'): Row => ({
  level: sql`b.${sql.ref(level)}`,
  at: sql`b.${sql.ref(`${level}_at`)}`,
  before: lastJudged,
  pools: sql`b.pools`,
  lanes: sql`b.lanes`,
  pool: sql`excluded.last_pool`,
  from: sql`excluded.last_from`
})
export const codeRow = rowOf('code_level')
export const passwordRow = rowOf('password_level')

/**
 * A budget row with its levels as of now, and whether the client is `known`, and `trusted`: known, and with room in its own pool.
 * The clock is not now(): a statement that has waited for the row would use a time earlier than that of the statement before it.
 * `offset 0`, here and below, makes Postgres compute each value once; otherwise the planner repeats it wherever it is used, and
 * setting that up takes a fifth of the statement's time.
 */
export const asOfNow = (row: Row, charge: Sql, limit: Sql): Sql => {
  const level = poolLevel(row.pools, row.pool, sql`timer.clock`)
  return sql`(
    select ruled.clock, ruled.level, ruled.pools, ruled.lanes, ruled.pool, ruled."from", ruled.pool_level, ruled.trusted,
      ruled.pool is not null as known, coalesce(ruled.pool, ruled."from") as lane
    from (
      select timer.clock, ${leaked(row.level, epochOf(row.at), sql`timer.clock`)} as level, ${row.pools} as pools,
        ${row.lanes} as lanes, ${row.pool} as pool, ${row.from} as "from", ${level} as pool_level,
        ${row.pool} is not null and ${level} + ${charge} <= ${limit} as trusted
      from (select ${epochOf(sql`clock_timestamp()`)} as clock) as timer offset 0
    ) as ruled offset 0
  ) as was`
}

/** The columns that a ruling on a mail alone sets. */
export const mailColumns = sql`lanes, last_pool, last_from, last_wait`

/** Rules on a mail without a code: it gives nothing to guess at, so failed guesses make nobody a stranger here. */
export const mailRuling = (purpose: Purpose, row: Row): Sql => sql`
  select ${lanesAfter(purpose, sql`verdict.wait <= 0`)} as lanes, was.pool as last_pool,
    was."from" as last_from, greatest(0, verdict.wait) as last_wait
  from ${asOfNow(row, sql`0`, sql`'infinity'::float8`)}
  cross join lateral (select ${waitAt(purpose)} as wait offset 0) as verdict`

/** The columns that a ruling on a password sets. */
export const passwordColumns = sql`
  password_level, password_level_at, pools, last_pool, last_from, last_guarded, last_before`

/**
 * Rules on a given password: a wrong one is charged to the strangers or to the trusted device or network. Once the
 * strangers have used up theirs, every stranger is asked for a code as well (`last_guarded`), whether the password is right or
 * wrong.
 *
 * @param guesses what a wrong one costs a trusted client that has room for one: how many passwords were compared
 */
export const passwordRuling = (row: Row, right: Sql, guesses: Expression<number> = sql`1`): Sql => {
  const limit = sql.lit(WRONG_PASSWORDS)
  const pool = sql`('password:' || ${row.pool})`
  return sql`
    select
      was.level + case when verdict.guarded or was.trusted or ${right} then 0 else 1 end as password_level,
      greatest(to_timestamp(was.clock), ${row.at}) as password_level_at,
      case when was.trusted and not ${right}
        then ${withPool(sql`was.pools`, sql`was.pool`, sql`was.pool_level + ${guesses}`, sql`was.clock`)}
        else was.pools end as pools,
      ${row.pool} as last_pool, was."from" as last_from, verdict.guarded as last_guarded, ${row.before} as last_before
    from ${asOfNow({ ...row, pool }, sql`1`, limit)}
    cross join lateral (select not was.trusted and was.level + 1 > ${limit} as guarded offset 0) as verdict`
}

/**
 * Gives charges back to the levels of the budget rows `b`.
 *
 * @param spent rows with charged and pool, and the condition that joins each to its `b`
 */
export const refunding = (spent: Sql): Sql => {
  const clock = epochOf(sql`now()`)
  const level = leaked(sql`b.code_level`, epochOf(sql`b.code_level_at`), clock)
  const inPool = sql`${poolLevel(sql`b.pools`, sql`spent.pool`, clock)} - spent.charged`
  return sql`
    update postern.address_budget as b set
      code_level = case when spent.pool is null then greatest(0, ${level} - spent.charged) else ${level} end,
      code_level_at = greatest(now(), b.code_level_at),
      pools = case when spent.pool is null then b.pools
                   when ${inPool} <= 0 then b.pools - spent.pool
                   else ${withPool(sql`b.pools`, sql`spent.pool`, inPool, clock)} end
    from ${spent}`
}

const nowEpoch = epochOf(sql`now()`)

/** The pools of the budget row `b` that still hold a level. */
export const poolsLeft = livePools(sql`b.pools`, nowEpoch)

/** The condition that the budget row `b` is no longer needed: all of its levels have leaked away, and its lanes are empty. */
export const emptyBudget = sql`
  ${leaked(sql`b.code_level`, epochOf(sql`b.code_level_at`), nowEpoch)} = 0
  and ${leaked(sql`b.password_level`, epochOf(sql`b.password_level_at`), nowEpoch)} = 0
  and ${poolsLeft} = '{}'
  and not exists (select from jsonb_each(b.lanes) as lane where lane.value::float8 > ${nowEpoch})`
