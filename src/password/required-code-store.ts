import { sql } from 'kysely'
import {
  type ChallengeState,
  challengeParameters,
  challengeState,
  listed,
  makingChallenges,
  type NewChallenge
} from '../challenge/store.ts'
import { statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'

const makeChallenge = statement(
  { ...challengeParameters, right: 'bool' },
  (slots) => sql<ChallengeState & { mailed: boolean }>`
    with ${makingChallenges(slots, { right: sql`${slots.right}` })}
    select ${challengeState}, budget.wait = 0 as mailed from made, budget`
)

/**
 * Makes the challenge that a password alone is not enough for. It is made whatever the lanes say, and it is charged to the same
 * level and the same lanes, right password or wrong: a right one has only a lane more, which nobody sees who does not read the mails.
 */
export async function makeRequiredChallenge(db: Db, challenge: NewChallenge, right: boolean) {
  const [made] = await makeChallenge(db, { ...listed([challenge]), right })
  return made as ChallengeState & { mailed: boolean }
}
