import { type RawBuilder, sql } from 'kysely'

/** A parameter or a column; a number is a constant of ours and becomes part of the statement. */
type Seconds = RawBuilder<unknown> | number

export const seconds = (count: Seconds): RawBuilder<unknown> =>
  sql`${typeof count === 'number' ? sql.lit(count) : count} * interval '1 second'`

/** So many seconds before the statement's transaction began. */
export const ago = (count: Seconds): RawBuilder<unknown> => sql`now() - ${seconds(count)}`

/** So many seconds after the statement's transaction began. */
export const fromNow = (count: Seconds): RawBuilder<unknown> => sql`now() + ${seconds(count)}`

/** The condition that a day, as YYYY-MM-DD in UTC, is not over. */
export const isNotOver = (day: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`now() at time zone 'UTC' < ${day}::date + 1`
