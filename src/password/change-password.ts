import { holdBudgets } from '../budget/hold-store.ts'
import type { Client, Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import { monotonicNow } from '../lib/time.ts'
import { Problem } from '../problems.ts'
import type { LiveSession } from '../session/store.ts'
import { promiseNotice } from '../user/promise-notice.ts'
import { findOwnCredentials, setOwnPassword } from './change-store.ts'
import { requireGoodPassword } from './policy.ts'
import { spendResets } from './reset-store.ts'

export type PasswordChange = { current: string | undefined; password: string; session: LiveSession }

/**
 * Sets or changes the password of whoever is signed in. Where there is one it must be given too: a device left open is not its owner.
 * The caller's session goes on, all others end, and so do open links and codes.
 */
export async function changePassword(
  ctx: Context,
  { current, password, session }: PasswordChange,
  client: Client
): Promise<{ sessions_ended: number }> {
  const { userId, sessionId } = session
  const [own] = await findOwnCredentials(ctx.db, { userId })
  if (own === undefined) throw new Problem('session-rejected') // the account went while the request was on its way
  const { passwordHash: stored, version, emailKey } = own
  if (stored !== null && !(current !== undefined && (await ctx.passwords.check(current, stored))))
    throw new Problem('credentials-rejected', { detail: 'The current password is missing or not right.' })
  await requireGoodPassword(ctx, password, session.email)
  const passwordHash = await ctx.passwords.hash(password)

  const notice = promiseNotice(ctx, 'password-changed')
  const emailMac = ctx.secrets.addressMac(emailKey)
  const values = { ...notice.values, ...client, userId, sessionId, version, passwordHash, emailMac }
  const leasedAt = monotonicNow()
  const done = await transaction(ctx.db, async (tx) => {
    await holdBudgets(tx, { keys: [emailMac] })
    await spendResets(tx, { emailKey })
    const [set] = await setOwnPassword(tx, values)
    if (set === undefined) throw new Problem('session-rejected') // a reset was faster, and ended this session
    return set
  })
  notice.offer(leasedAt)
  return { sessions_ended: done.sessionsEnded }
}
