import { laneIsFull } from '../budget/lane-is-full.ts'
import { lockBudgets } from '../budget/lock-store.ts'
import type { Client, Context } from '../context.ts'
import { undefinedOnUniqueViolation } from '../db/failure.ts'
import { transaction } from '../db/statement.ts'
import { idsOfDays, newId } from '../lib/identifier.ts'
import { wantedLanguage } from '../lib/language.ts'
import type { MailRequest } from '../sign-in/mail-request.ts'
import { addressOf } from '../user/address.ts'
import { enterResetLane, queueReset } from './request-reset-store.ts'
import type { PasswordResetRequested } from './schema.ts'

/**
 * Promises a mail with a link to a new password. The same statements for every address; whether there is an account is looked up
 * when the mail is written, long after the answer. The remaining time of an older link that is mailed again is in the mail only:
 * a countdown in the answer would jump back once the owner used the link, and so reveal the account.
 */
export async function requestReset(
  ctx: Context,
  request: MailRequest,
  client: Client
): Promise<PasswordResetRequested> {
  const address = addressOf(request.email)
  const { config, secrets } = ctx
  ctx.signing.requireKey() // as for codes: a link under a key that other instances lack would not work
  const key = request.idempotencyKey
  const id = key ? idsOfDays('reset', key, address.key)[0] : newId()
  const mailIds = key ? idsOfDays('reset mail', key, address.key) : [newId()]
  const mail = ctx.draftMail('reset', mailIds[0])
  const addressMac = secrets.addressMac(address.key)
  const values = {
    id,
    email: address.spelling,
    emailKey: address.key,
    addressMac,
    locale: wantedLanguage(request, ctx.locales),
    ttl: config.RESET_TTL,
    keyId: secrets.ring.newest.id,
    mailId: mail.id,
    mailIds,
    messageId: mail.messageId
  }

  const asking = {
    emailKey: address.key,
    addressMac,
    network: client.network,
    ...secrets.knownDevice(request.deviceToken),
    mailIds
  }

  const made = await transaction(ctx.db, async (tx) => {
    await lockBudgets(tx, { keys: [addressMac] })
    const [lane] = await enterResetLane(tx, asking)
    if (lane !== undefined && lane.wait > 0) throw laneIsFull(lane.wait)
    const [queued] = await queueReset(tx, values)
    return queued
  }).catch(undefinedOnUniqueViolation) // a duplicate with the same key has just queued the same mail, under another master key's budget row

  if (made !== undefined) mail.offer(made.subjectId)
  const suggestion = ctx.suggest(address.spelling)
  return { expires_in: config.RESET_TTL, ...(suggestion && { email_suggestion: suggestion }) }
}
