import { isTestCode } from '../challenge/test-address.ts'
import type { Client, Context } from '../context.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import type { ChallengeRef } from '../keys/secrets.ts'
import { sameText, sha256 } from '../lib/capability.ts'
import { tidyCode } from '../lib/code.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { Session } from '../session/schema.ts'
import { findOpenedSession, type LiveSession } from '../session/store.ts'
import { type Draft, draftSignIn, draftValues } from '../sign-in/draft.ts'
import { finishSignIn, type Given, isOpened, presentGiven, signInRules } from '../sign-in/finish.ts'
import { verifyChallenge } from './store.ts'

type CodeAttempt = {
  challenge: string
  code: string
  idempotencyKey: string | undefined
  /** The live session of the caller, when it sent a bearer: signing in again renews it. */
  session: LiveSession | undefined
}

/** Trades a mailed code for a session. Refuses with `code-rejected`, whatever the reason. */
export async function verifyCode(ctx: Context, attempt: CodeAttempt, client: Client): Promise<Session> {
  const challenge = ctx.secrets.readChallenge(attempt.challenge)
  const given = tidyCode(attempt.code, challenge?.form.alphabet ?? 'digits')
  if (given === '')
    throw new Problem('invalid-request', { errors: [{ pointer: '/code', detail: 'must contain a code' }] })
  if (challenge === undefined) throw await refusalOf(ctx, attempt.challenge, 'code-rejected')
  ctx.signing.requireKey()
  const test = await isTestCode(ctx, challenge.id, attempt.code)
  const right = test || sameText(ctx.secrets.code(challenge), given)

  const draft = draftSignIn(ctx, challenge, attempt.idempotencyKey)
  const usedKey = usedKeyOf(challenge, attempt.idempotencyKey, right ? undefined : given)
  // The database judges even a wrong code: it must cost a try, and only it knows whether one is left.
  const verified = await verifyChallenge(ctx.db, {
    id: challenge.id,
    keyId: challenge.keyId,
    right,
    usedKey,
    userId: newId(),
    ...draftValues(ctx, draft),
    renewId: attempt.session?.sessionId ?? null,
    test,
    eventId: newId(),
    ...client,
    rules: signInRules(ctx)
  })

  // Right codes make room for wrong guesses everywhere, so only those count that a mail brought and that let somebody in.
  const counts = !right || (isOpened(verified) && !test)
  if (verified?.codeLength != null && counts) ctx.guesses.note(verified.codeLength, right)

  if (isOpened(verified)) return await finishSignIn(ctx, verified, draft)
  const repeated = verified === undefined && right ? await findRepeated(ctx, challenge.id, draft, usedKey) : undefined
  if (repeated === undefined) throw new Problem('code-rejected')
  return presentGiven(ctx, repeated, draft)
}

/** What the try is remembered by, so that with an Idempotency-Key it counts once. */
const usedKeyOf = (challenge: ChallengeRef, key: string | undefined, wrongCode: string | undefined): Buffer | null =>
  key === undefined ? null : sha256([challenge.id, key, wrongCode ?? []].flat().join(' '))

async function findRepeated(
  ctx: Context,
  challengeId: string,
  { session }: Draft,
  usedKey: Buffer | null
): Promise<Given | undefined> {
  if (usedKey === null) return undefined
  return (await findOpenedSession(ctx.db, { sessionId: session.id, challengeId, usedKey }))[0]
}
