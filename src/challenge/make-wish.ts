import { LONG_CODE, SHORT_CODE } from '../budget/code-store.ts'
import type { Client, Context } from '../context.ts'
import type { Address } from '../lib/email.ts'
import { newId } from '../lib/identifier.ts'
import { preferredLanguage } from '../lib/language.ts'
import { Problem } from '../problems.ts'
import type { CodeWish } from './wish-store.ts'

/** What a request for a code says. */
export type Wish = {
  id: string
  address: Address
  locale?: string | undefined
  acceptLanguage: string | undefined
  deviceToken: string | undefined
}

/** What the database needs to make a challenge and to promise its mail. */
export function wishFor(ctx: Context, wish: Wish, client: Client): CodeWish {
  const { secrets } = ctx
  const mailId = newId()
  return {
    id: wish.id,
    email: wish.address.spelling,
    emailKey: wish.address.key,
    budgetKey: secrets.addressMac(wish.address.key),
    locale: wish.locale ?? preferredLanguage(wish.acceptLanguage, ctx.locales),
    network: client.network,
    agent: client.agent,
    ...secrets.knownDevice(wish.deviceToken),
    mailId,
    messageId: `<${mailId}@${ctx.mailHost}>`,
    rules: codeRules(ctx)
  }
}

/** How the settings shape codes. */
function codeRules({ config, secrets, guesses }: Context): CodeWish['rules'] {
  const shortest = config.STRICT_CODES ? LONG_CODE : SHORT_CODE
  return {
    tries: config.CODE_TRIES,
    lengthenAt: config.CODE_LENGTHEN_AT,
    strengthenAt: config.CODE_STRENGTHEN_AT,
    strangersLength: guesses.strained ? LONG_CODE : shortest,
    trustedLength: shortest,
    ttl: config.CODE_TTL,
    keyId: secrets.ring.newest.id
  }
}

/** The refusal of a request whose mail no lane has room for. @param wait seconds */
export const laneIsFull = (wait: number): Problem =>
  new Problem('too-many-requests', {
    detail: 'This address was mailed as often as it may be for now.',
    retryAfter: Math.max(1, Math.ceil(wait))
  })
