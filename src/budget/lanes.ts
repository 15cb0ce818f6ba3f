import { type RawBuilder, sql } from 'kysely'
import { DAY, HOUR } from '../lib/time.ts'

type Sql = RawBuilder<unknown>

/** What mails are for: each purpose has lanes of its own, so that nobody can block one by using up the other. */
export type Purpose = 'code' | 'reset'

/** How many mails a lane lets through at once, and in how many seconds it is empty again. */
type Size = { mails: number; per: number }
type Lane = Size & { name: Sql }

/** Far more than a person needs, and few enough to leave a mailbox usable. */
const sizes = {
  own: { mails: 5, per: HOUR },
  hour: { mails: 6, per: HOUR },
  day: { mails: 15, per: DAY },
  password: { mails: 10, per: HOUR }
} as const satisfies Record<string, Size>

/**
 * The lanes of an address, from the row `was`: one for each network or trusted device that asks, two for all strangers
 * together, and one for clients that knew the password.
 * A known network or device keeps its own lane even when it has guessed too often: a mail in that lane helps nobody to guess.
 */
const lanesFor = (purpose: Purpose) => ({
  own: { name: sql`(${sql.lit(`${purpose}:`)} || was.lane)`, ...sizes.own },
  hour: { name: sql.lit(`${purpose}:hour`), ...sizes.hour },
  day: { name: sql.lit(`${purpose}:day`), ...sizes.day }
})
const knewPassword: Lane = { name: sql`'password'`, ...sizes.password }

/** Seconds before it is empty from which on a lane has room for one more. */
const roomIn = ({ mails, per }: Size): Sql => sql.lit(((mails - 1) * per) / mails)

/** Seconds until a lane has room. A lane is one clock, the moment at which it is empty (a generic cell rate algorithm). */
const waitFor = (lane: Lane): Sql => sql`
  ${emptyAt(lane)} - was.clock - ${roomIn(lane)}`

const entered = (lane: Lane): Sql => sql`
  ${lane.name}, greatest(was.clock, ${emptyAt(lane)}) + ${sql.lit(lane.per / lane.mails)}`

/** A full lane is empty after its period: one that claims more was written while the database's clock ran ahead. */
const emptyAt = ({ name, per }: Lane): Sql => sql`
  least(coalesce((was.lanes ->> ${name})::float8, 0), was.clock + ${sql.lit(per)})`

/** Seconds that the client must wait, by the row `was`; at most 0 when there is room in all of its lanes. */
export function waitAt(purpose: Purpose): Sql {
  const { own, hour, day } = lanesFor(purpose)
  return sql`
    greatest(${waitFor(own)}, case when not was.known then greatest(${waitFor(hour)}, ${waitFor(day)}) end)`
}

/** Seconds until there is room in the additional lane of clients that knew the password. */
export const waitForKnowing: Sql = waitFor(knewPassword)

/**
 * The lanes of an address that was never seen, after its first mail, by the row `was`.
 *
 * @param knew whether the lane of clients that knew the password takes its first mail too
 */
export function firstLanes(purpose: Purpose, knew?: Sql): Sql {
  const { own, hour, day } = lanesFor(purpose)
  const first = ({ name, mails, per }: Lane): Sql => sql`${name}, was.clock + ${sql.lit(per / mails)}`
  return sql`
    case when was.known then jsonb_build_object(${first(own)})
         else jsonb_build_object(${first(own)}, ${first(hour)}, ${first(day)}) end
    ${knew === undefined ? sql`` : sql`|| case when ${knew} then jsonb_build_object(${first(knewPassword)}) else '{}' end`}`
}

/** The period of the lane `key`, whose name says so. */
const periodOf = sql`case when key like '%:day' then ${sql.lit(DAY)} else ${sql.lit(HOUR)} end`

/**
 * The lanes with one mail more when `goes`, and without those that are empty by now. None claims more than its period.
 *
 * @param knew whether the lane of clients that knew the password takes one more too
 */
export function lanesAfter(purpose: Purpose, goes: Sql, knew?: Sql): Sql {
  const { own, hour, day } = lanesFor(purpose)
  return sql`
    (select coalesce(jsonb_object_agg(key, least(value::float8, was.clock + ${periodOf})), '{}')
     from jsonb_each(was.lanes) where value::float8 > was.clock)
      || case when not (${goes}) then '{}'
              when was.known then jsonb_build_object(${entered(own)})
              else jsonb_build_object(${entered(own)}, ${entered(hour)}, ${entered(day)}) end
      ${knew === undefined ? sql`` : sql`|| case when ${knew} then jsonb_build_object(${entered(knewPassword)}) else '{}' end`}`
}

/** The lanes of the row `was` that have no room, whoever they are for, and the seconds until each has. */
export const fullLanes = sql`
  select lane, wait from (
    select key as lane, least(value::float8, was.clock + ${periodOf}) - was.clock
      - case when key like '%:hour' then ${roomIn(sizes.hour)} when key like '%:day' then ${roomIn(sizes.day)}
             when key = 'password' then ${roomIn(sizes.password)} else ${roomIn(sizes.own)} end as wait
    from jsonb_each(was.lanes)
  ) as lanes where wait > 0`
