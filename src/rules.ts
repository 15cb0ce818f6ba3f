import type { Static } from 'typebox'
import { parseAddress } from './lib/email.ts'
import { isRange } from './lib/network.ts'
import type { settings } from './settings.ts'

export type Settings = Static<typeof settings>

/** What one setting's schema cannot say. */
export function rules(config: Settings, known: ReadonlySet<string>): string[] {
  const production = config.NODE_ENV === 'production'
  const checks: [keyof Settings, boolean, string][] = [
    [
      'PUBLIC_URL',
      config.PUBLIC_URL === undefined || isWebAddress(config.PUBLIC_URL, production),
      production
        ? 'must be an https address in production'
        : 'must be an https address, or an http address on localhost'
    ],
    ['PUBLIC_URL', !production || config.PUBLIC_URL !== undefined, 'must be set in production'],
    [
      'DATABASE_URL',
      config.DATABASE_URL === undefined || hasScheme(config.DATABASE_URL, ['postgres:', 'postgresql:']),
      'must be a postgres:// address'
    ],
    ['DATABASE_URL', !production || config.DATABASE_URL !== undefined, 'must be set in production'],
    [
      'SMTP_URL',
      config.SMTP_URL === undefined || hasScheme(config.SMTP_URL, ['smtp:', 'smtps:']),
      'must be an smtp:// or smtps:// address'
    ],
    ['SMTP_URL', !production || config.SMTP_URL !== undefined, 'must be set in production'],
    ['SECRET_KEYS', !production || (config.SECRET_KEYS ?? []).length > 0, 'must be set in production'],
    [
      'SECRET_KEYS',
      (config.SECRET_KEYS ?? []).every(isKey),
      'must be 32 bytes each, as 43 characters of base64url (openssl rand 32 | basenc --base64url | tr -d =)'
    ],
    ['SECRET_KEYS', new Set(config.SECRET_KEYS).size === (config.SECRET_KEYS ?? []).length, 'names one key twice'],
    [
      'TRUSTED_PROXIES',
      (config.TRUSTED_PROXIES ?? []).every(isRange),
      'must be address ranges, such as 10.0.0.0/8; hop counts and names are refused'
    ],
    [
      'MAIL_FROM',
      config.MAIL_FROM === undefined || isSender(config.MAIL_FROM),
      'must be an address, or `Name <address>`'
    ],
    [
      'BRAND_NAME',
      /^[^\p{C}<>"]{1,60}$/u.test(config.BRAND_NAME ?? ''),
      'must be 1 to 60 characters without quotes or brackets'
    ],
    [
      'DEFAULT_LOCALE',
      /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(config.DEFAULT_LOCALE ?? ''),
      'must be a language tag, such as en or pt-BR'
    ],
    // Written as negations: a figure that could not be read is a fault of its own and drags no other along.
    [
      'CODE_STRENGTHEN_AT',
      !(config.CODE_STRENGTHEN_AT < config.CODE_LENGTHEN_AT),
      'must not be below CODE_LENGTHEN_AT'
    ],
    ['SESSION_IDLE_TTL', !(config.SESSION_IDLE_TTL > config.SESSION_TTL), 'must not be above SESSION_TTL']
  ]
  return checks.filter(([name, holds]) => !holds && !known.has(name)).map(([name, , fault]) => `${name} ${fault}`)
}

function hasScheme(url: string, schemes: readonly string[]): boolean {
  return URL.canParse(url) && schemes.includes(new URL(url).protocol)
}

function isWebAddress(url: string, production: boolean): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname, search, hash } = new URL(url)
  if (search !== '' || hash !== '') return false
  return (
    protocol === 'https:' ||
    (!production && protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
  )
}

const isKey = (key: string): boolean => /^[A-Za-z0-9_-]{43}=?$/.test(key) && Buffer.from(key, 'base64url').length === 32

function isSender(from: string): boolean {
  const address = /^[^\p{C}<>]*<([^<>]+)>$/u.exec(from)?.[1] ?? from
  return parseAddress(address) !== undefined || /^[a-z0-9._-]+@localhost$/i.test(address)
}
