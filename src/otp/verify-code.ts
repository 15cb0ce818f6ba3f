import type { Client, Context } from '../context.ts'
import type { ChallengeRef } from '../keys/secrets.ts'
import { sameText, sha256 } from '../lib/capability.ts'
import { tidyCode } from '../lib/code.ts'
import { derivedId, newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { presentSession } from '../session/present.ts'
import type { Session } from '../session/schema.ts'
import { endExcessSessions, findOpenedSession, type LiveSession, type SessionView } from '../session/store.ts'
import { type Verified, verifyChallenge, verifyChallengeRenewing } from './store.ts'

export type CodeAttempt = {
  challenge: string
  code: string
  idempotencyKey: string | undefined
  /** The live session of the caller, when it sent a bearer: signing in again renews it. */
  session: LiveSession | undefined
}

/** Trades a mailed code for a session. Refuses with `code-rejected`, whatever the reason. */
export async function verifyCode(ctx: Context, attempt: CodeAttempt, client: Client): Promise<Session> {
  const challenge = ctx.secrets.readChallenge(attempt.challenge) // undefined: a token we never made, and no query for it
  const given = tidyCode(attempt.code, challenge?.form.alphabet ?? 'digits')
  if (given === '') throw new Problem('invalid-request', { errors: [{ pointer: '/code', detail: 'must hold a code' }] })
  if (challenge === undefined) throw new Problem('code-rejected')
  const right = sameText(ctx.secrets.code(challenge), given)

  const draft = draftOf(ctx, challenge, attempt.idempotencyKey)
  const renewId = attempt.session?.sessionId ?? null
  const verify = attempt.session === undefined ? verifyChallenge : verifyChallengeRenewing
  // The database judges even a wrong code: it must cost a try, and only it knows whether one is left.
  const [verified] = await verify(ctx.db, {
    id: challenge.id,
    keyId: challenge.keyId,
    right,
    usedKey: draft.usedKey,
    userId: newId(),
    defaultLocale: ctx.config.DEFAULT_LOCALE,
    signupOpen: ctx.config.SIGNUP === 'open',
    sessionId: draft.sessionId,
    seedHash: ctx.secrets.seedHash(draft.seed),
    sessionKeyId: ctx.secrets.ring.newest.id,
    amr: ['otp'],
    idleTtl: ctx.config.SESSION_IDLE_TTL,
    sessionTtl: ctx.config.SESSION_TTL,
    renewId,
    eventId: newId(),
    ...client
  })

  if (isOpened(verified)) {
    await limitSessions(ctx, verified)
    return presentSession(ctx, verified, seedFor(verified, draft))
  }
  const repeated = verified === undefined && right ? await findRepeated(ctx, challenge, draft, renewId) : undefined
  if (repeated === undefined) throw new Problem('code-rejected')
  return presentSession(ctx, repeated, seedFor(repeated, draft))
}

type Draft = { sessionId: string; seed: Buffer; usedKey: Buffer | null }

/** With an Idempotency-Key all of a session's random parts come from it, so that a repeat arrives at the same session. */
function draftOf(ctx: Context, challenge: ChallengeRef, idempotencyKey: string | undefined): Draft {
  if (idempotencyKey === undefined) return { sessionId: newId(), seed: ctx.secrets.newSeed(), usedKey: null }
  const key = idempotencyKey.toLowerCase()
  return {
    sessionId: derivedId('session', key, challenge.id),
    seed: ctx.secrets.repeatableSeed(challenge.keyId, challenge.id, key),
    usedKey: sha256(`${challenge.id} ${key}`)
  }
}

/** A session that was renewed keeps the refresh token it has. */
const seedFor = (session: SessionView, draft: Draft): Buffer | undefined =>
  session.sessionId === draft.sessionId ? draft.seed : undefined

async function findRepeated(
  ctx: Context,
  challenge: ChallengeRef,
  draft: Draft,
  renewId: string | null
): Promise<SessionView | undefined> {
  if (draft.usedKey === null) return undefined
  const values = { sessionId: draft.sessionId, renewId, challengeId: challenge.id, usedKey: draft.usedKey }
  return (await findOpenedSession(ctx.db, values))[0]
}

type Opened = SessionView & { openSessions: number; overtaken: boolean }

const isOpened = (verified: Verified | undefined): verified is Opened => verified?.sessionId != null

/**
 * Ends what is beyond the limit, in a statement of its own after the commit: only then it sees what parallel sign-ins
 * opened. Far below the limit, and with nobody else signing in at that moment, the statement is saved.
 */
async function limitSessions(ctx: Context, opened: Opened): Promise<void> {
  const most = ctx.config.SESSIONS_PER_USER
  const mayExceed = opened.overtaken || opened.openSessions + 1 > most / 2
  if (mayExceed) await endExcessSessions(ctx.db, { userId: opened.userId, most })
}
