import { sql } from 'kysely'
import { statement } from '../db/statement.ts'

/** Wrong guesses at codes of six digits, and sign-ins by a mailed code. */
export type Guesses = { wrongShort: number; completed: number }

/**
 * Adds one instance's count to this hour, and returns what all instances have counted in the last 24 hours: in whole hours, so in
 * up to 25. The statement sees the hours as they were before its own change, so the count is added to them here.
 */
export const tallyGuesses = statement(
  { wrongShort: 'int4', completed: 'int4' },
  ({ wrongShort, completed }) => sql<Guesses>`
    with added as (
      insert into postern.installation_tally as t (hour, wrong_short, completed)
      select date_trunc('hour', now(), 'UTC'), ${wrongShort}, ${completed} where ${wrongShort} + ${completed} > 0
      on conflict (hour) do update set
        wrong_short = t.wrong_short + excluded.wrong_short, completed = t.completed + excluded.completed
    )
    select (coalesce(sum(t.wrong_short), 0) + ${wrongShort})::int4 as "wrongShort",
      (coalesce(sum(t.completed), 0) + ${completed})::int4 as completed
    from postern.installation_tally as t where t.hour > now() - interval '25 hours'`
)
