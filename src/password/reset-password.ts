import { lockBudgets } from '../budget/lock-store.ts'
import type { Client, Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import { forgetTrust } from '../device/store.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import type { ResetRef } from '../keys/secrets.ts'
import { sha256 } from '../lib/capability.ts'
import { maskAddress } from '../lib/email.ts'
import { Problem } from '../problems.ts'
import { type DraftPart, deviceValues, draftPart } from '../sign-in/draft.ts'
import { draftNotice } from '../user/draft-notice.ts'
import { requireGoodPassword } from './policy.ts'
import { findLiveReset, findUsedReset, setPasswordByReset, spendReset } from './reset-store.ts'
import type { PasswordReset, PasswordResetLink } from './schema.ts'

/** What a link is good for; spends nothing. Refuses with `reset-rejected`. */
export async function inspectReset(ctx: Context, token: string): Promise<PasswordResetLink> {
  const ref = ctx.secrets.readReset(token)
  if (ref === undefined) throw await refusalOf(ctx, token, 'reset-rejected')
  const [reset] = await findLiveReset(ctx.db, ref)
  if (reset === undefined) throw new Problem('reset-rejected')
  return { email_hint: maskAddress(reset.email), expires_at: reset.expiresAt.toISOString() }
}

type ResetAttempt = { token: string; password: string; idempotencyKey: string | undefined }

/**
 * Sets the password that a link was mailed for, and ends everything older: sessions, links, codes and trust. A
 * refused password spends nothing. Nobody is signed in by it: the holder of the link has not shown the new password yet.
 */
export async function resetPassword(ctx: Context, attempt: ResetAttempt, client: Client): Promise<PasswordReset> {
  const ref = ctx.secrets.readReset(attempt.token)
  if (ref === undefined) throw await refusalOf(ctx, attempt.token, 'reset-rejected')
  const usedKey = attempt.idempotencyKey ? sha256(`${ref.id} ${attempt.idempotencyKey}`) : null
  const [reset] = await findLiveReset(ctx.db, ref)
  if (reset === undefined) return await answerRepeat(ctx, ref, usedKey, attempt)

  await requireGoodPassword(ctx, attempt.password, reset.email)
  const passwordHash = await ctx.passwords.hash(attempt.password)

  const notice = draftNotice(ctx, 'password-changed')
  const addressMac = ctx.secrets.addressMac(reset.emailKey)
  const device = draftPart(ctx, 'device', ref, attempt.idempotencyKey)
  const values = {
    ...notice.values,
    ...client,
    resetId: ref.id,
    passwordHash,
    addressMac,
    ...deviceValues(ctx, device),
    deviceKeyId: ctx.secrets.ring.newest.id,
    deviceTtl: ctx.config.DEVICE_TTL
  }
  const done = await transaction(ctx.db, async (tx) => {
    await lockBudgets(tx, { keys: [reset.budgetKey, addressMac] })
    const [spent] = await spendReset(tx, { id: ref.id, emailKey: reset.emailKey, usedKey })
    if (spent === undefined) return undefined
    const [set] = await setPasswordByReset(tx, values)
    if (set === undefined) throw new Problem('reset-rejected') // and what was spent is not
    await forgetTrust(tx, { emailKey: reset.emailKey, keptId: device.id, sessionId: null })
    return set
  })
  if (done === undefined) return await answerRepeat(ctx, ref, usedKey, attempt)
  notice.offer()
  return presentReset(ctx, done.sessionsEnded, device)
}

/** A retry after a lost reply is answered again if it has the same password: anything else was not done. */
async function answerRepeat(
  ctx: Context,
  ref: ResetRef,
  usedKey: Buffer | null,
  { password, idempotencyKey }: ResetAttempt
): Promise<PasswordReset> {
  const [used] = usedKey ? await findUsedReset(ctx.db, { id: ref.id, usedKey }) : []
  if (used === undefined || !(await ctx.passwords.check(password, used.passwordHash)))
    throw new Problem('reset-rejected')
  return presentReset(ctx, used.sessionsEnded, draftPart(ctx, 'device', ref, idempotencyKey))
}

const presentReset = ({ secrets }: Context, sessionsEnded: number, device: DraftPart): PasswordReset => ({
  sessions_ended: sessionsEnded,
  device_token: secrets.deviceToken(device)
})
