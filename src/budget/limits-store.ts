import { sql } from 'kysely'
import { statement } from '../db/statement.ts'
import { codeRuleParameters, strangersLengthAt } from './code-store.ts'
import { fullLanes } from './lanes.ts'
import { epochOf, leaked } from './levels.ts'
import { WRONG_PASSWORDS } from './store.ts'

/** What the limits of an address do now to clients that have not signed in there before. */
type Limits = {
  codeLength: number
  /** Whether a password alone does not sign them in. */
  guarded: boolean
  /** The lanes of mails without room, and until when, the next to open first; also those of known devices and networks. */
  full: { lane: string; until: string }[]
}

/** The limits of an address, under the newest key; none where nothing was ever asked for or tried. */
export const findLimits = statement(
  { ...codeRuleParameters, key: 'bytea' },
  (slots) => sql<Limits>`
    select ${strangersLengthAt(slots, sql`was.code_level`)}::int4 as "codeLength",
      was.password_level + 1 > ${sql.lit(WRONG_PASSWORDS)} as guarded,
      (select coalesce(jsonb_agg(jsonb_build_object('lane', lane, 'until', to_timestamp(clock + wait)) order by wait), '[]')
       from (${fullLanes}) as full_lane) as full
    from (
      select timer.clock, b.lanes,
        ${leaked(sql`b.code_level`, epochOf(sql`b.code_level_at`), sql`timer.clock`)} as code_level,
        ${leaked(sql`b.password_level`, epochOf(sql`b.password_level_at`), sql`timer.clock`)} as password_level
      from postern.address_budget as b, (select ${epochOf(sql`now()`)} as clock) as timer where b.key = ${slots.key}
    ) as was`
)
