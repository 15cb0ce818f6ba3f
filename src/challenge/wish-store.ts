import { sql } from 'kysely'
import type { Values } from '../db/statement.ts'
import { queueMail } from '../mail/store.ts'
import { challengeMails, type challengeParameters } from './store.ts'

/** One request for a code, and the rules that are the same for all of them. */
export type CodeWish = {
  id: string
  email: string
  emailKey: string
  budgetKey: Buffer
  locale: string | null
  network: string | null
  agent: string | null
  /** The device that a token of an earlier sign-in names. */
  knownDeviceId: string | null
  knownSeedHash: Buffer | null
  mailId: string
  messageId: string
  rules: Pick<
    Values<typeof challengeParameters>,
    'tries' | 'lengthenAt' | 'strengthenAt' | 'strangersLength' | 'trustedLength' | 'ttl' | 'keyId'
  >
}

export const listed = (wishes: readonly CodeWish[]): Values<typeof challengeParameters> => ({
  ids: wishes.map((wish) => wish.id),
  emails: wishes.map((wish) => wish.email),
  emailKeys: wishes.map((wish) => wish.emailKey),
  budgetKeys: wishes.map((wish) => wish.budgetKey),
  locales: wishes.map((wish) => wish.locale),
  networks: wishes.map((wish) => wish.network),
  agents: wishes.map((wish) => wish.agent),
  knownDeviceIds: wishes.map((wish) => wish.knownDeviceId),
  knownSeedHashes: wishes.map((wish) => wish.knownSeedHash),
  mailIds: wishes.map((wish) => wish.mailId),
  messageIds: wishes.map((wish) => wish.messageId),
  ...(wishes[0] as CodeWish).rules
})

/** The arm that promises the mails of the arm `made`. */
export const promisedMails = queueMail({
  from: challengeMails,
  kind: 'code',
  id: sql`made.mail_id`,
  messageId: sql`made.message_id`
})
