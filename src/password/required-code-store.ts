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
    with ${makingChallenges(slots, { right: slots.right })}
    select ${challengeState}, budget.wait = 0 as mailed from made, budget`
)

/**
 * Makes the challenge for a login that needs a code besides the password. It is made even when the lanes are full, and charged to
 * the same level and lanes for a right password and a wrong one: a right one only has one more lane, visible only in the mailbox.
 */
export async function makeRequiredChallenge(db: Db, challenge: NewChallenge, right: boolean) {
  const [made] = await makeChallenge(db, { ...listed([challenge]), right })
  return made as ChallengeState & { mailed: boolean }
}
