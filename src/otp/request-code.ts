import { laneIsFull } from '../budget/lane-is-full.ts'
import { newChallenge } from '../challenge/new-challenge.ts'
import { presentChallenge } from '../challenge/present.ts'
import type { Challenge } from '../challenge/schema.ts'
import type { NewChallenge } from '../challenge/store.ts'
import { openTestLanes, testCodeForm } from '../challenge/test-address.ts'
import type { Client, Context } from '../context.ts'
import { undefinedOnUniqueViolation } from '../db/failure.ts'
import { type DailyIds, idsOfDays, newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { MailRequest } from '../sign-in/mail-request.ts'
import { addressOf } from '../user/address.ts'
import { type Made, type Requested, requestChallenge, requestOnce } from './request-store.ts'

/** A duplicate of an idempotent request commits within moments; after this many looks something else is wrong. */
const LOOKS = 3

/**
 * Promises a mail with a code and answers what the client needs to ask for it. One statement, the same for every
 * address; whether there is an account is found out when the mail is written, long after the answer.
 */
export async function requestCode(ctx: Context, request: MailRequest, client: Client): Promise<Challenge> {
  const address = addressOf(request.email)
  ctx.signing.requireKey() // or the code could be traded in nowhere: not here, and no other instance could read it
  const ids = request.idempotencyKey && idsOfDays('challenge', request.idempotencyKey, address.key)
  const { challenge, mail } = newChallenge(ctx, { ...request, id: ids ? ids[0] : newId(), address }, client)

  await openTestLanes(ctx, address.key, challenge.addressMac)
  const run = () => (ids ? requestUnderKey(ctx, challenge, ids) : requestChallenge(ctx.db, challenge))
  let made: Requested | undefined
  // A duplicate may make the challenge first: then this charge and mail are undone, and the next look finds the other.
  for (let look = 1; made === undefined && look <= LOOKS; look++) made = await run().catch(undefinedOnUniqueViolation)
  if (made === undefined) throw new Problem('unavailable', { retryAfter: 1 })
  if (!isMade(made)) throw laneIsFull(made.wait)

  if (made.fresh) mail.offer(made.id)
  const suggestion = ctx.suggest(address.spelling)
  const form = await testCodeForm(ctx, made.id, address.key)
  return { ...presentChallenge(ctx, made.id, made), ...form, ...(suggestion && { email_suggestion: suggestion }) }
}

/** A person who comes back after deleting the account, with the same key, gets another challenge: the old id has a spent code. */
async function requestUnderKey(ctx: Context, challenge: NewChallenge, ids: DailyIds): Promise<Requested | undefined> {
  const made = await requestOnce(ctx.db, { ...challenge, id: ids[0] }, ids)
  if (made?.orphaned && made.id !== null) return await requestUnderKey(ctx, challenge, idsOfDays('challenge', made.id))
  const finished = made !== undefined && (made.closed || (made.expiresIn ?? 1) <= 0)
  return finished ? { ...made, ...nothingLeft } : made
}

/** What a client sees of a challenge that has ended, or whose code or tries are used: that it needs another key. */
const nothingLeft = { expiresIn: 0, triesLeft: 0, sends: Number.POSITIVE_INFINITY, sentAgo: Number.POSITIVE_INFINITY }

const isMade = (requested: Requested): requested is Requested & Made => requested.keyId !== null
