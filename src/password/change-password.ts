import { lockBudgets } from '../budget/lock-store.ts'
import type { Client, Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import { forgetTrust } from '../device/store.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { LiveSession } from '../session/store.ts'
import { draftNotice } from '../user/draft-notice.ts'
import { chargeChange, findOwnCredentials, findOwnGuard, judgeOwnPassword, setOwnPassword } from './change-store.ts'
import { requireGoodPassword } from './policy.ts'
import { spendResets } from './reset-store.ts'

type PasswordChange = { current: string | undefined; password: string; session: LiveSession }

/**
 * Sets or changes the password of the signed-in account. An existing one must be given too: a device left open is not its owner.
 * After ten wrong ones every attempt needs a fresh sign-in, which somebody who stole the session cannot make. The caller's
 * session goes on and its device stays trusted; all others end, and so do open links and codes, and known networks. That is why
 * it is limited to thirty times in a row and then once in eight hours (`too-many-requests`).
 */
export async function changePassword(
  ctx: Context,
  { current, password, session }: PasswordChange,
  client: Client
): Promise<{ sessions_ended: number }> {
  const { userId, sessionId } = session
  if (session.amr.includes('test')) throw new Problem('test-session') // with a password the next start would refuse the address
  const [own] = await findOwnCredentials(ctx.db, { userId, sessionId })
  if (own === undefined) throw new Problem('session-rejected') // the account went while the request was on its way
  const { passwordHash: stored, version, emailKey } = own
  const addressMac = ctx.secrets.addressMac(emailKey)
  const mayBeDone = own.changedHere ? password : undefined
  if (own.wait > 0 && mayBeDone === undefined) throw tooOften(own.wait) // before anything is hashed
  const done = stored !== null && (await judgeCurrent(ctx, { current, stored, mayBeDone, session, addressMac }, client))
  if (done) return { sessions_ended: 0 }
  await requireGoodPassword(ctx, password, session.email)
  const passwordHash = await ctx.passwords.turns.take(userId, () => ctx.passwords.hash(password))

  const notice = draftNotice(ctx, 'password-changed')
  const values = { ...notice.values, ...client, userId, sessionId, version, passwordHash, addressMac }
  const ended = await transaction(ctx.db, async (tx) => {
    await lockBudgets(tx, { keys: [addressMac] })
    await spendResets(tx, { emailKey })
    const [charged] = await chargeChange(tx, { userId })
    if (charged?.version === version && charged.wait > 0) throw tooOften(charged.wait)
    const [set] = await setOwnPassword(tx, values)
    if (set === undefined) throw new Problem('session-rejected') // something else ended this session first
    if (set.sessionsEnded === null) throw OVERTAKEN // so that links asked for since then stay good
    await forgetTrust(tx, { emailKey, keptId: null, sessionId })
    return set.sessionsEnded
  }).catch(unlessOvertaken)
  if (ended === undefined) return await afterTwin(ctx, session, password)
  notice.offer()
  return { sessions_ended: ended }
}

const OVERTAKEN = new Error('another change by the same session was faster')

function unlessOvertaken(error: unknown): undefined {
  if (error !== OVERTAKEN) throw error
}

/** Another change by the same session came first. If it was the same one, all is done; any other is checked against it. */
async function afterTwin(
  ctx: Context,
  { userId, sessionId }: LiveSession,
  password: string
): Promise<{ sessions_ended: number }> {
  const [own] = await findOwnCredentials(ctx.db, { userId, sessionId })
  const stored = own?.passwordHash
  const same =
    typeof stored === 'string' && (await ctx.passwords.turns.take(userId, () => ctx.passwords.check(password, stored)))
  if (!same) throw notTheCurrent()
  return { sessions_ended: 0 }
}

const tooOften = (retryAfter: number) =>
  new Problem('too-many-requests', {
    detail: 'The password was changed too often recently. To change it now, use a mailed link.',
    retryAfter,
    limit: 'account'
  })

const notTheCurrent = () => new Problem('credentials-rejected', { detail: 'The current password is missing or wrong.' })

/** `mayBeDone`: the new password, if the same session set one a moment ago: its answer may have been lost. */
type Guess = {
  current: string | undefined
  stored: string
  mayBeDone: string | undefined
  session: LiveSession
  addressMac: Buffer
}

/**
 * Refuses a wrong current password. Runs before the new password is judged: that verdict would reveal that the current one was
 * right.
 *
 * @returns whether the requested change was already made
 */
async function judgeCurrent(ctx: Context, guess: Guess, client: Client): Promise<boolean> {
  const { current, stored, mayBeDone, session, addressMac } = guess
  if (current === undefined && mayBeDone === undefined) throw notTheCurrent() // and nothing was guessed
  const fits = async (given: string | undefined) => given !== undefined && (await ctx.passwords.check(given, stored))

  const guesses = [current, mayBeDone].filter((given) => given !== undefined).length
  const signIn = `${session.sessionId}:${session.authenticatedAt.getTime()}` // so that another sign-in starts with a fresh count
  const { right, done } = await ctx.passwords.turns.take(session.userId, async () => {
    const [guard] = await findOwnGuard(ctx.db, { addressMac, signIn })
    if (guard?.guarded) return { right: false, done: false }
    if (await fits(current)) return { right: true, done: false }
    const done = await fits(mayBeDone)
    return { right: done, done }
  })
  const values = { addressMac, signIn, guesses, right, userId: session.userId, eventId: newId(), ...client }
  const [judged] = await judgeOwnPassword(ctx.db, values)
  if (judged?.guarded) throw new Problem('step-up-required')
  if (!right) throw notTheCurrent()
  return done
}
