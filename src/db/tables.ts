import type { ColumnType, Kysely, Transaction } from 'kysely'
import type { CodeAlphabet } from '../lib/code.ts'

type Defaulted<T> = ColumnType<T, T | undefined, T> // filled by the database when a row is inserted without it

type UserTable = {
  id: string
  email: string
  email_key: string
  email_verified_at: Date | null
  password_hash: string | null
  credential_version: Defaulted<number>
  credential_changed_at: Date | null
  change_level: Defaulted<number>
  change_level_at: Defaulted<Date>
  locale: string
  external_id: string | null
  disabled_at: Date | null
  created_at: Defaulted<Date>
  updated_at: Defaulted<Date>
}

type AddressBudgetTable = {
  key: Buffer
  code_level: Defaulted<number>
  code_level_at: Defaulted<Date>
  last_length: Defaulted<number>
  last_charge: Defaulted<number>
  pools: Defaulted<unknown>
  lanes: Defaulted<unknown>
  last_pool: string | null
  last_from: string | null
  last_wait: Defaulted<number>
  last_guarded: Defaulted<boolean>
  last_before: Date | null
  password_level: Defaulted<number>
  password_level_at: Defaulted<Date>
  created_at: Defaulted<Date>
}

type ChallengeTable = {
  id: string
  purpose: 'sign_in' | 'step_up'
  email: string
  email_key: string
  budget_key: Buffer
  locale: string | null
  code_length: number
  code_alphabet: CodeAlphabet
  charged: number
  pool: string | null
  device_id: string | null
  shown_seed_hash: Buffer | null
  tries_left: number
  sends: number
  sent_at: Date
  expires_at: Date
  used_at: Date | null
  used_key: Buffer | null
  settled_at: Date | null
  mailed: Defaulted<boolean>
  client_network: string | null
  client_agent: string | null
  key_id: string
  created_at: Defaulted<Date>
}

type PasswordResetTable = {
  id: string
  email: string
  email_key: string
  budget_key: Buffer
  locale: string | null
  expires_at: Date
  used_at: Date | null
  used_key: Buffer | null
  sessions_ended: number | null
  key_id: string
  created_at: Defaulted<Date>
}

type SessionTable = {
  id: string
  user_id: string
  credential_version: number
  seed_hash: Buffer
  generation: number
  parent_generation: number
  grandparent_generation: number
  rotated_at: Date
  parent_rotated_at: Date | null
  device_id: string | null
  authenticated_at: Date
  idle_expires_at: Date
  expires_at: Date
  revoked_at: Date | null
  last_used_at: Date
  amr: string[]
  client_network: string | null
  client_agent: string | null
  key_id: string
  created_at: Defaulted<Date>
}

type DeviceTable = {
  id: string
  email_key: string
  seed_hash: Buffer
  previous_seed_hash: Buffer | null
  shown_seed_hash: Buffer | null
  client_network: string | null
  client_agent: string | null
  last_used_at: Defaulted<Date>
  expires_at: Date
  key_id: string
  created_at: Defaulted<Date>
}

type KnownNetworkTable = {
  email_key: string
  network: string
  signed_in_at: Date
  created_at: Defaulted<Date>
}

export type MailState = 'queued' | 'sent' | 'refused' | 'expired' | 'dropped'

type MailTable = {
  id: string
  kind: string
  subject_id: string
  email_key: string | null
  recipient: string | null
  locale: string | null
  valid_until: Date
  due_at: Date
  attempts: Defaulted<number>
  state: Defaulted<MailState>
  answer: string | null
  message_id: string
  key_id: string
  sent_at: Date | null
  settled_at: Date | null
  created_at: Defaulted<Date>
}

type SigningKeyTable = {
  kid: string
  alg: string
  public_jwk: unknown
  sealed_private: Buffer
  key_id: string
  activates_at: Date
  retires_at: Date | null
  created_at: Defaulted<Date>
}

type EventTable = {
  id: string
  at: Defaulted<Date>
  kind: string
  outcome: string
  user_id: string | null
  email_mac: Buffer | null
  network: string | null
  agent: string | null
  request_id: string | null
}

type InstallationTallyTable = {
  hour: Date
  wrong_short: Defaulted<number>
  completed: Defaulted<number>
  created_at: Defaulted<Date>
}

type DecoyTable = {
  seed: Buffer
  mix: Defaulted<unknown>
  created_at: Defaulted<Date>
}

export type Tables = {
  user: UserTable
  address_budget: AddressBudgetTable
  challenge: ChallengeTable
  password_reset: PasswordResetTable
  session: SessionTable
  device: DeviceTable
  known_network: KnownNetworkTable
  mail: MailTable
  signing_key: SigningKeyTable
  event: EventTable
  installation_tally: InstallationTallyTable
  decoy: DecoyTable
}

/** `Db` is a pool or a transaction: the caller does not care which. `Tx` says "I run inside your transaction." */
export type Db = Kysely<Tables>
export type Tx = Transaction<Tables>
