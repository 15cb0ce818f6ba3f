import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Db } from './db/tables.ts'
import type { Passwords } from './hashing/passwords.ts'
import type { Secrets } from './keys/secrets.ts'
import type { SigningKeys } from './keys/signing.ts'
import type { Suggest } from './lib/suggestion.ts'
import type { TestAddress } from './lib/test-address.ts'
import type { GuessTally } from './limit/guess-tally.ts'
import type { DraftMail } from './mail/draft.ts'

/** Everything that flows work with; one per instance. */
export type Context = {
  config: Config
  db: Db
  secrets: Secrets
  signing: SigningKeys
  draftMail: DraftMail
  passwords: Pick<
    Passwords,
    'turns' | 'requireRoom' | 'hash' | 'check' | 'decoy' | 'missingPeppers' | 'outdated' | 'refusal' | 'stop'
  >
  guesses: Pick<GuessTally, 'note' | 'strained'>
  suggest: Suggest
  /** The languages that mails can be written in. */
  locales: readonly string[]
  /** Those of TEST_ADDRESSES. */
  testAddresses: readonly TestAddress[]
  log: Logger
}

/** The client of a request, as far as a flow may know it. */
export type Client = {
  /** The client's /24 or /64 as a CIDR. */
  network: string | null
  agent: string | null
  requestId: string
}
