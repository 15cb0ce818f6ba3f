import { type RawBuilder, sql } from 'kysely'
import type { Slots } from '../db/statement.ts'
import { firstLanes, lanesAfter, waitAt, waitForKnowing } from './lanes.ts'
import { epochOf, withPool } from './levels.ts'
import { asOfNow, type Row } from './store.ts'

export const SHORT_CODE = 6
export const LONG_CODE = 8
/** 65 bits of base 32: beyond guessing, so its failures are not counted. */
export const STRONG_CODE = 13

type Sql = RawBuilder<unknown>

export const codeRuleParameters = {
  tries: 'int4',
  lengthenAt: 'float8',
  strengthenAt: 'float8',
  /** Digits of a code while the level is low: for strangers, and for clients that signed in before. */
  strangersLength: 'int4',
  trustedLength: 'int4'
} as const
type CodeRuleSlots = Slots<typeof codeRuleParameters>

/** The columns that a ruling on a code sets: `last_pool` who asks, `last_guarded` whether that is held to what strangers get. */
export const codeColumns = sql`
  code_level, code_level_at, pools, lanes, last_length, last_charge, last_pool, last_guarded, last_from, last_wait`

/** The pool that the last ruling on a code charged; null for the strangers' level. */
export const chargedPool = sql`case when not last_guarded then last_pool end`

/**
 * Decides whether a mail may go (`enters`) and whether the challenge is made (`made`). A challenge that follows a password is
 * always made and uses the shared lanes as if the password were wrong; a right password also has a private lane, visible only in
 * the mailbox.
 */
const verdictOf = (right?: Sql): Sql =>
  right === undefined
    ? sql`
  cross join lateral (select ${waitAt('code')} as wait offset 0) as lane
  cross join lateral (select lane.wait, lane.wait <= 0 as enters, lane.wait <= 0 as made offset 0) as verdict`
    : sql`
  cross join lateral (select ${waitAt('code')} as wait, ${waitForKnowing} as knowing offset 0) as lane
  cross join lateral (
    select case when ${right} then least(lane.wait, lane.knowing) else lane.wait end as wait, lane.wait <= 0 as enters,
      ${right} and lane.knowing <= 0 as knew, true as made offset 0
  ) as verdict`

/** How long the next code of a stranger must be. */
export const strangersLengthAt = (slots: CodeRuleSlots, level: Sql): Sql => sql`
  case when ${level} + ${slots.tries} <= ${slots.lengthenAt} then ${slots.strangersLength}
       when ${level} + ${slots.tries} <= ${slots.strengthenAt} then ${sql.lit(LONG_CODE)}
       else ${sql.lit(STRONG_CODE)} end`

const lengthAt = (slots: CodeRuleSlots, trusted: Sql, level: Sql): Sql => sql`
  case when ${trusted} then ${slots.trustedLength} else ${strangersLengthAt(slots, level)} end`

/**
 * Rules on one challenge: how long its code must be, whom it is charged to and how much, and whether a mail may go. The verdict
 * is stored in the row, so that the statement's other CTEs can read it and nothing is judged twice.
 *
 * @param right for a sign-in whose password was given: whether it was right
 */
export const codeRuling = (slots: CodeRuleSlots, row: Row, right?: Sql): Sql => sql`
  select
    was.level + case when verdict.made and not was.trusted then form.charge else 0 end as code_level,
    greatest(to_timestamp(was.clock), ${row.at}) as code_level_at,
    case when verdict.made and was.trusted
      then ${withPool(sql`was.pools`, sql`was.pool`, sql`was.pool_level + form.charge`, sql`was.clock`)}
      else was.pools end as pools,
    ${lanesAfter('code', sql`verdict.enters`, right && sql`verdict.knew`)} as lanes,
    form.length::smallint as last_length, form.charge::smallint as last_charge,
    was.pool as last_pool, not was.trusted as last_guarded, was."from" as last_from, greatest(0, verdict.wait) as last_wait
  from ${asOfNow(row, slots.tries, slots.lengthenAt)}
  cross join lateral (
    select ${lengthAt(slots, sql`was.trusted`, sql`was.level`)} as length offset 0
  ) as needed
  cross join lateral (
    select needed.length, case when needed.length = ${sql.lit(STRONG_CODE)} then 0 else ${slots.tries} end as charge offset 0
  ) as form
  ${verdictOf(right)}`

/**
 * A shorter `codeRuling` for an address that was never seen: everything but the clock is known beforehand. Setting up the whole
 * ruling for it took a seventh of the time that Postgres spends on the statement of a request.
 */
export const firstCodeRuling = (slots: CodeRuleSlots, pool: Sql, from: Sql, right?: Sql): Sql => sql`
  select
    case when was.trusted then 0 else was.charge end as code_level, was.at as code_level_at,
    case when was.trusted
      then ${withPool(sql`'{}'::jsonb`, sql`was.lane`, sql`was.charge`, sql`was.clock`)} else '{}' end as pools,
    ${firstLanes('code', right)} as lanes,
    was.length::smallint as last_length, was.charge::smallint as last_charge,
    ${pool} as last_pool, not was.trusted as last_guarded, ${from} as last_from, 0 as last_wait
  from (
    select at, ${epochOf(sql`at`)} as clock, trusted, length,
      case when length = ${sql.lit(STRONG_CODE)} then 0 else ${slots.tries} end as charge,
      ${pool} is not null as known, coalesce(${pool}, ${from}) as lane
    from (
      select clock_timestamp() as at, trusted, ${lengthAt(slots, sql`known.trusted`, sql`0`)} as length
      from (select ${pool} is not null and ${slots.tries} <= ${slots.lengthenAt} as trusted) as known offset 0
    ) as needed offset 0
  ) as was`
