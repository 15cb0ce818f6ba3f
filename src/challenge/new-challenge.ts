import { LONG_CODE, SHORT_CODE } from '../budget/code-store.ts'
import type { Client, Context } from '../context.ts'
import type { Address } from '../lib/email.ts'
import { wantedLanguage } from '../lib/language.ts'
import type { MailDraft } from '../mail/draft.ts'
import type { NewChallenge } from './store.ts'

/** The contents of a request for a code. */
export type ChallengeRequest = {
  id: string
  address: Address
  locale?: string | undefined
  acceptLanguage: string | undefined
  deviceToken: string | undefined
}

/** What the database needs to make a challenge and to promise its mail. */
export function newChallenge(
  ctx: Context,
  request: ChallengeRequest,
  client: Client
): { challenge: NewChallenge; mail: MailDraft } {
  const { secrets } = ctx
  const mail = ctx.draftMail('code')
  const challenge: NewChallenge = {
    id: request.id,
    email: request.address.spelling,
    emailKey: request.address.key,
    addressMac: secrets.addressMac(request.address.key),
    locale: wantedLanguage(request, ctx.locales),
    network: client.network,
    agent: client.agent,
    ...secrets.knownDevice(request.deviceToken),
    mailId: mail.id,
    messageId: mail.messageId,
    rules: codeRules(ctx)
  }
  return { challenge, mail }
}

/** How the settings shape codes. */
export function codeRules({ config, secrets, guesses }: Context): NewChallenge['rules'] {
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
