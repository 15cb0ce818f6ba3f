import { presentChallenge } from '../challenge/present.ts'
import type { Challenge } from '../challenge/schema.ts'
import type { Client, Context } from '../context.ts'
import { sqlState } from '../db/failure.ts'
import { type Address, parseAddress } from '../lib/email.ts'
import { derivedId, newId } from '../lib/identifier.ts'
import { preferredLanguage } from '../lib/language.ts'
import { monotonicNow } from '../lib/time.ts'
import { Problem } from '../problems.ts'
import { type Requested, requestChallenge, requestChallengeOnce } from './store.ts'

export type CodeRequest = {
  email: string
  locale: string | undefined
  acceptLanguage: string | undefined
  idempotencyKey: string | undefined
}

/** A twin of an idempotent request commits within moments; after so many looks something else is wrong. */
const LOOKS = 3
const UNIQUE_VIOLATION = '23505'

/**
 * Promises a mail with a code and answers what the client needs to ask for it. One statement, the same for every
 * address; whether there is an account is found out when the mail is written, long after the answer.
 */
export async function requestCode(ctx: Context, request: CodeRequest, client: Client): Promise<Challenge> {
  const address = addressOf(request.email)
  const { config, secrets } = ctx
  const mailId = newId()
  const values = {
    id: request.idempotencyKey ? derivedId('challenge', request.idempotencyKey.toLowerCase(), address.key) : newId(),
    email: address.spelling,
    emailKey: address.key,
    budgetKey: secrets.addressMac(address.key),
    locale: request.locale ?? preferredLanguage(request.acceptLanguage, ctx.locales),
    tries: config.CODE_TRIES,
    lengthenAt: config.CODE_LENGTHEN_AT,
    strengthenAt: config.CODE_STRENGTHEN_AT,
    ttl: config.CODE_TTL,
    network: client.network,
    agent: client.agent,
    keyId: secrets.ring.newest.id,
    mailId,
    messageId: `<${mailId}@${ctx.mailHost}>`
  }

  const leasedAt = monotonicNow()
  const run = request.idempotencyKey ? requestChallengeOnce : requestChallenge
  let made: Requested | undefined
  for (let look = 1; made === undefined && look <= LOOKS; look++) [made] = await run(ctx.db, values).catch(unlessTwin)
  if (made === undefined) throw new Problem('unavailable', { retryAfter: 1 })

  if (made.fresh)
    ctx.courier.offer({ id: mailId, kind: 'code', subjectId: values.id, messageId: values.messageId }, leasedAt)
  const suggestion = ctx.suggest(address.spelling)
  return { ...presentChallenge(ctx, values.id, made), ...(suggestion && { email_suggestion: suggestion }) }
}

/** A twin made the challenge first: this statement was undone with its charge and its mail, and the next look finds the twin's. */
function unlessTwin(error: unknown): [] {
  if (sqlState(error) !== UNIQUE_VIOLATION) throw error
  return []
}

function addressOf(email: string): Address {
  const address = parseAddress(email)
  if (address === undefined) {
    const errors = [{ pointer: '/email', detail: 'must be one plain email address of at most 254 characters' }]
    throw new Problem('invalid-request', { errors })
  }
  return address
}
