import { sql } from 'kysely'
import { askedBy, record } from '../audit/store.ts'
import { lockedBudgets, namedTries, overtaken, refundCharges, spendColumns, spendTries } from '../challenge/store.ts'
import { batched } from '../db/batch.ts'
import { type RowOf, rowsOf } from '../db/rows.ts'
import { statement, type Values } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import type { CodeAlphabet } from '../lib/code.ts'
import { type Addressed, addressedView } from '../mail/addressed-store.ts'
import {
  type SignedIn,
  signedInAt,
  signedInView,
  signInColumns,
  signInParameters,
  signingIn
} from '../sign-in/store.ts'
import { changedSince, knownUser, ownerOf, proveUser } from '../user/store.ts'

/** One guess at a code, as a statement takes many of them. */
const guesses = rowsOf({
  ...spendColumns,
  ...signInColumns,
  userId: 'uuid',
  test: 'bool', // whether it was the fixed code of a test address
  eventId: 'uuid',
  requestId: 'text'
})
const ruleParameters = { ...signInParameters, defaultLocale: 'text', signupOpen: 'bool' } as const

/** One guess, and the rules that are the same for all of them. */
type CodeGuess = RowOf<typeof guesses.columns> & { rules: Values<typeof ruleParameters> }

/** What became of a try. Without a session the code was wrong, or right for an account that may not sign in. */
type Verified = SignedIn & {
  place: number
  judged: boolean
  /** Of the code that was guessed at; null where another guess goes first. */
  codeLength: number | null
  /** Whether sessions may have been opened at the same moment, which `openSessions` does not count. */
  overtaken: boolean
}

const amr = sql`case when asked.test then '{otp,test}'::text[] when spent.purpose = 'step_up' then '{pwd,otp}'::text[] else '{otp}'::text[] end`

/**
 * Judges guesses. The database decides even on a wrong code: it must cost a try, and only the database knows whether one is left.
 * No row: the challenge is dead, used, or was never made. Not `judged`: another guess at that address goes first; try again.
 * In lock order: budget, challenge, user, session.
 */
const verifyChallenges = statement({ ...guesses.parameters, ...ruleParameters }, (slots) => {
  return sql<Verified>`
    with asked as (${guesses.asked(slots)}),
    named as (${namedTries}),
    held as (${lockedBudgets}),
    spent as (${spendTries}),
    refunded as (${refundCharges}),
    known as (${knownUser}),
    proven as (${proveUser(slots)}),
    owner as (${ownerOf}),
    ${signingIn(slots, amr)},
    noted as (${record({
      from: sql`spent join asked using (place) left join owner using (place)`,
      id: sql`asked.event_id`,
      kind: 'sign_in_by_code',
      outcome: sql`case when owner.id is not null then 'signed_in' when spent.used_at is not null then 'no_account' else 'wrong_code' end`,
      userId: sql`owner.id`,
      addressMac: sql`spent.budget_key`,
      client: askedBy
    })})
    select named.place::int4, named.turn = 1 as judged, spent.code_length as "codeLength", ${overtaken} as overtaken, ${signedInView}
    from named join asked using (place) left join spent using (place) ${signedInAt(sql`named.place`)}
    where named.turn > 1 or spent.place is not null`
})

const verifyOne = batched(
  (db: Db, all: readonly CodeGuess[], tries?: number) => verifyChallenges(db, guesses.values(all), tries),
  {
    maxInFlight: 3,
    conflictKey: ({ id }) => id
  }
)

/** Judges one guess, sharing a statement with those of the same moment. */
export async function verifyChallenge(db: Db, guess: CodeGuess): Promise<Verified | undefined> {
  for (;;) {
    const verified = await verifyOne(db, guess)
    if (verified === undefined || verified.judged) return verified
  }
}

/** A mail's challenge, and the form of its code. */
type CodeMailSubject = Addressed & { codeLength: number; codeAlphabet: CodeAlphabet }

export const findCodeMailSubjects = statement(
  { ids: 'uuid[]' },
  ({ ids }) => sql<CodeMailSubject>`
    select ${addressedView}, made.code_length as "codeLength", made.code_alphabet as "codeAlphabet",
      made.used_at is not null or made.tries_left = 0 or made.email_key = '' or ${changedSince(sql`made.created_at`)} as dead
    from postern.challenge as made left join postern."user" as u on u.email_key = made.email_key
    where made.id = any(${ids})`
)
