import type { Context } from '../context.ts'
import { parseAddress } from '../lib/email.ts'
import { BEFORE_ALL } from '../lib/identifier.ts'
import { LANGUAGE_TAG, PRINTABLE, UUID } from '../lib/schema.ts'
import { strictJson } from '../lib/strict-json.ts'
import { MOST_LOCALE } from './schema.ts'

/** An account as a line of a file holds it; only the address is needed. */
export type PortableUser = {
  /** What tokens name the account by; null where a new one is to be drawn. */
  id: string | null
  email: string
  emailKey: string
  passwordHash: string | null
  verified: boolean
  locale: string
  externalId: string | null
  disabled: boolean
}

/** Why a line makes no account. It quotes nothing from the line, because reports are passed around. */
export class RowFault extends Error {}

const MOST_EXTERNAL_ID = 255
const printable = new RegExp(PRINTABLE, 'u')
const languageTag = new RegExp(LANGUAGE_TAG)
const uuid = new RegExp(UUID)

/** What a member must be, in words for the report; each but the address may be null, which is as if it were absent. */
const members: Record<string, { holds: (value: unknown) => boolean; must: string }> = {
  id: {
    holds: (value) => typeof value === 'string' && uuid.test(value) && value !== BEFORE_ALL,
    must: 'a UUID, and not the nil one'
  },
  email: { holds: (value) => typeof value === 'string', must: 'a string' },
  password_hash: { holds: (value) => typeof value === 'string', must: 'a string' },
  email_verified: { holds: (value) => typeof value === 'boolean', must: 'true or false' },
  locale: {
    holds: (value) => typeof value === 'string' && value.length <= MOST_LOCALE && languageTag.test(value),
    must: 'a language tag, such as en or pt-BR'
  },
  external_id: {
    holds: (value) =>
      typeof value === 'string' &&
      value.length >= 1 &&
      value.length <= MOST_EXTERNAL_ID &&
      value.isWellFormed() &&
      printable.test(value),
    must: `a string of 1 to ${MOST_EXTERNAL_ID} printable characters`
  },
  disabled: { holds: (value) => typeof value === 'boolean', must: 'true or false' }
}

/** Reads one line; throws a RowFault. */
export function readUser(ctx: Pick<Context, 'config' | 'passwords'>, text: string): PortableUser {
  const row = readObject(text)
  for (const [name, value] of Object.entries(row)) {
    const member = Object.hasOwn(members, name) ? members[name] : undefined
    if (member === undefined) throw new RowFault(`has a member other than ${Object.keys(members).join(', ')}`)
    if (value === null && name !== 'email') continue // as the serializers of many languages write what is not set
    if (!member.holds(value)) throw new RowFault(`${name} must be ${member.must}`)
  }
  const address = parseAddress((row.email as string | undefined) ?? '')
  if (address === undefined) throw new RowFault('email is not an address')
  const passwordHash = (row.password_hash as string | null | undefined) ?? null
  const refusal = passwordHash === null ? undefined : ctx.passwords.refusal(passwordHash)
  if (refusal !== undefined) throw new RowFault(`password_hash ${refusal}`)
  return {
    id: (row.id as string | null | undefined)?.toLowerCase() ?? null,
    email: address.spelling,
    emailKey: address.key,
    passwordHash,
    verified: (row.email_verified as boolean | null | undefined) ?? false,
    locale: (row.locale as string | null | undefined) ?? ctx.config.DEFAULT_LOCALE,
    externalId: (row.external_id as string | null | undefined) ?? null,
    disabled: (row.disabled as boolean | null | undefined) ?? false
  }
}

function readObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = strictJson(text)
  } catch {
    throw new RowFault('is not JSON, or repeats a member')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RowFault('is not a JSON object')
  return value as Record<string, unknown>
}

/** The line of an account; absent members are left out. */
export const writeUser = (user: Omit<PortableUser, 'emailKey'>): string =>
  JSON.stringify({
    id: user.id,
    email: user.email,
    ...(user.passwordHash !== null && { password_hash: user.passwordHash }),
    email_verified: user.verified,
    locale: user.locale,
    ...(user.externalId !== null && { external_id: user.externalId }),
    ...(user.disabled && { disabled: true })
  })
