import { isTestCode } from '../challenge/test-address.ts'
import type { Client, Context } from '../context.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import type { ChallengeRef } from '../keys/secrets.ts'
import { sameText, sha256 } from '../lib/capability.ts'
import { tidyCode } from '../lib/code.ts'
import { derivedId, newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { Session } from '../session/schema.ts'
import { findOpenedSession, type LiveSession } from '../session/store.ts'
import { type Draft, finishSignIn, type Given, isOpened, presentGiven, signInRules } from '../sign-in/finish.ts'
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

  const draft = draftOf(ctx, challenge, attempt.idempotencyKey, right ? undefined : given)
  // The database judges even a wrong code: it must cost a try, and only it knows whether one is left.
  const verified = await verifyChallenge(ctx.db, {
    id: challenge.id,
    keyId: challenge.keyId,
    right,
    usedKey: draft.usedKey,
    userId: newId(),
    sessionId: draft.session.id,
    seedHash: ctx.secrets.seedHash(draft.session.seed),
    renewId: attempt.session?.sessionId ?? null,
    deviceId: draft.device.id,
    deviceSeedHash: ctx.secrets.seedHash(draft.device.seed),
    test,
    eventId: newId(),
    ...client,
    rules: signInRules(ctx)
  })

  if (verified?.codeLength != null) ctx.guesses.note(verified.codeLength, right)

  if (isOpened(verified)) return await finishSignIn(ctx, verified, draft)
  const repeated = verified === undefined && right ? await findRepeated(ctx, challenge, draft) : undefined
  if (repeated === undefined) throw new Problem('code-rejected')
  return presentGiven(ctx, repeated, draft)
}

/** `usedKey` is what the try is remembered by, so that it counts once. */
type CodeDraft = Draft & { usedKey: Buffer | null }

/**
 * With an Idempotency-Key all of a session's random parts come from it, so that a repeat arrives at the same session. No other row ever has
 * their ids: a challenge is spent once, and its id does not come again while there is a session that it opened.
 */
function draftOf(
  { secrets }: Context,
  challenge: ChallengeRef,
  key: string | undefined,
  wrongCode: string | undefined
): CodeDraft {
  if (key === undefined)
    return {
      session: { id: newId(), seed: secrets.newSeed() },
      device: { id: newId(), seed: secrets.newSeed() },
      usedKey: null
    }
  const repeatable = (of: 'session' | 'device') => ({
    id: derivedId(of, key, challenge.id),
    seed: secrets.repeatableSeed(of, challenge.keyId, challenge.id, key)
  })
  return {
    session: repeatable('session'),
    device: repeatable('device'),
    usedKey: sha256([challenge.id, key, wrongCode ?? []].flat().join(' '))
  }
}

async function findRepeated(ctx: Context, challenge: ChallengeRef, draft: CodeDraft): Promise<Given | undefined> {
  if (draft.usedKey === null) return undefined
  const values = { sessionId: draft.session.id, challengeId: challenge.id, usedKey: draft.usedKey }
  return (await findOpenedSession(ctx.db, values))[0]
}
