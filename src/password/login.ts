import { type ChallengeRequest, newChallenge } from '../challenge/new-challenge.ts'
import { presentChallenge } from '../challenge/present.ts'
import { testCodeForm } from '../challenge/test-address.ts'
import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { Session } from '../session/schema.ts'
import type { LiveSession } from '../session/store.ts'
import { draftSignIn, draftValues } from '../sign-in/draft.ts'
import { finishSignIn, isOpened, signInRules } from '../sign-in/finish.ts'
import { addressOf } from '../user/address.ts'
import { judgePassword } from './judge-store.ts'
import { type Credentials, findCredentials, replaceHash } from './login-store.ts'
import { makeRequiredChallenge } from './required-code-store.ts'

type Login = {
  email: string
  password: string
  acceptLanguage: string | undefined
  deviceToken: string | undefined
  /** The live session of the caller, when it sent a bearer: signing in again renews it. */
  session: LiveSession | undefined
}

/**
 * Trades a password for a session. Refuses with `credentials-rejected`, whatever the reason, after one check of equal cost:
 * where there is no password, the given one is checked against a decoy. Where strangers have guessed too often it refuses
 * right and wrong alike with `code-required`.
 */
export async function login(ctx: Context, attempt: Login, client: Client): Promise<Session> {
  const address = addressOf(attempt.email)
  const { secrets } = ctx
  ctx.signing.requireKey()
  ctx.passwords.requireRoom() // before a query for a password that could not be checked
  const addressMac = secrets.addressMac(address.key)
  const found = await findCredentials(ctx.db, { emailKey: address.key, fillerId: newId() })
  const account = found as Credentials // one row, whether or not there is an account
  const decoy = ctx.passwords.decoy(address.key) // made up for everybody, so that it costs everybody
  const stored = account.hasPassword ? account.passwordHash : decoy
  const fault = faultOf(account, await ctx.passwords.check(attempt.password, stored))

  const draft = draftSignIn(ctx)
  const judged = await judgePassword(ctx.db, {
    emailKey: address.key,
    addressMac,
    right: fault === undefined,
    outcome: fault ?? 'overtaken',
    known: account.known,
    userId: account.userId,
    version: account.version,
    ...draftValues(ctx, draft),
    renewId: attempt.session?.sessionId ?? null,
    ...secrets.knownDevice(attempt.deviceToken),
    eventId: newId(),
    ...client,
    rules: signInRules(ctx)
  })

  if (judged?.guarded) throw await codeRequired(ctx, { ...attempt, id: newId(), address }, client, fault === undefined)
  if (!isOpened(judged)) throw new Problem('credentials-rejected')
  const answer = await finishSignIn(ctx, judged, draft)
  if (ctx.passwords.outdated(stored)) await rehash(ctx, judged.userId, attempt.password, stored)
  return answer
}

function faultOf(account: Credentials, right: boolean): string | undefined {
  if (!account.known) return 'no_account'
  if (!account.hasPassword) return 'no_password'
  if (!right) return 'wrong_password'
  return account.disabled ? 'disabled' : undefined
}

/** The refusal that asks for a mailed code as well. A right password shows only in the session that the code opens. */
async function codeRequired(ctx: Context, asked: ChallengeRequest, client: Client, right: boolean): Promise<Problem> {
  const { challenge, mail } = newChallenge(ctx, asked, client)
  const made = await makeRequiredChallenge(ctx.db, challenge, right)
  if (made.mailed) mail.offer(challenge.id)
  const form = await testCodeForm(ctx, challenge.id, asked.address.key)
  return new Problem('code-required', {
    next: { methods: ['otp'], challenge: { ...presentChallenge(ctx, challenge.id, made), ...form } }
  })
}

/** Replaces a hash by one of the current kind. The person is already signed in, so a failure only postpones it. */
async function rehash(ctx: Context, userId: string, password: string, old: string): Promise<void> {
  try {
    await replaceHash(ctx.db, { userId, old, fresh: await ctx.passwords.hash(password) })
  } catch (error) {
    ctx.log.warn({ reason: (error as Error).message }, 'could not rehash a password; the next login tries again')
  }
}
