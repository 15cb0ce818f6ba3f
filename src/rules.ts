import type { Static } from 'typebox'
import { DATABASE_OPTIONS, hasPlainDatabaseOptions, SSL_MODES } from './lib/database-url.ts'
import { isRange } from './lib/network.ts'
import { LANGUAGE_TAG } from './lib/schema.ts'
import { readSender } from './lib/sender.ts'
import { hasPlainSmtpOptions, SMTP_OPTIONS } from './lib/smtp-url.ts'
import { parseTestAddress, testAddresses } from './lib/test-address.ts'
import type { settings } from './settings.ts'

export type Settings = Static<typeof settings>

/** The rules that a single setting's schema cannot express. */
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
    ['METRICS_PORT', !(config.METRICS_PORT === config.PORT && config.PORT !== 0), 'must not be PORT'],
    [
      'DATABASE_URL',
      config.DATABASE_URL === undefined || hasScheme(config.DATABASE_URL, ['postgres:', 'postgresql:']),
      'must be a postgres:// address with a host (localhost, where ?host= names a socket)'
    ],
    [
      'DATABASE_URL',
      hasPlainDatabaseOptions(config.DATABASE_URL ?? ''),
      `may set ${DATABASE_OPTIONS.join(', ')} in its query, each once, sslmode to ${SSL_MODES.join(', ')}, ssl to true or no-verify, not two that contradict each other, and nothing else`
    ],
    ['DATABASE_URL', !production || config.DATABASE_URL !== undefined, 'must be set in production'],
    [
      'SMTP_URL',
      config.SMTP_URL === undefined || hasScheme(config.SMTP_URL, ['smtp:', 'smtps:']),
      'must be an smtp:// or smtps:// address'
    ],
    [
      'SMTP_URL',
      hasPlainSmtpOptions(config.SMTP_URL ?? ''),
      `may set ${SMTP_OPTIONS.join(', ')} in its query, each once, switches to true or false, counts to numbers, not both ignoreTLS and requireTLS, and nothing else`
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
      'PASSWORD_PEPPERS',
      (config.PASSWORD_PEPPERS ?? []).every(isKey),
      'must be 32 bytes each, as 43 characters of base64url (openssl rand 32 | basenc --base64url | tr -d =)'
    ],
    [
      'PASSWORD_PEPPERS',
      new Set(config.PASSWORD_PEPPERS).size === (config.PASSWORD_PEPPERS ?? []).length,
      'names one key twice'
    ],
    ['BCRYPT_COST', !(production && config.BCRYPT_COST < 10), 'must be at least 10 in production'],
    ['RESET_URL', !production || config.RESET_URL !== undefined, 'must be set in production'],
    [
      'RESET_URL',
      config.RESET_URL === undefined || (isPage(config.RESET_URL, production) && !config.RESET_URL.includes('#')),
      `must be an https address without a fragment${production ? '' : ', or an http address on localhost'}`
    ],
    [
      'BREACH_CHECK_URL',
      config.BREACH_CHECK_URL === undefined || isWebAddress(config.BREACH_CHECK_URL, production),
      production ? 'must be an https address' : 'must be an https address, or an http address on localhost'
    ],
    [
      'CORS_ORIGINS',
      (config.CORS_ORIGINS ?? []).every((origin) => isOrigin(origin, production)),
      `must be origins as browsers send them, such as https://app.example.com, without a path or a wildcard${production ? '' : '; http only on localhost'}`
    ],
    [
      'CHANGE_PASSWORD_URL',
      config.CHANGE_PASSWORD_URL === undefined || isPage(config.CHANGE_PASSWORD_URL, production),
      production ? 'must be an https address' : 'must be an https address, or an http address on localhost'
    ],
    ['CLIENT_LIMITS', !(production && config.CLIENT_LIMITS === false), 'must be on in production'],
    [
      'REDIS_URL',
      config.REDIS_URL === undefined || hasScheme(config.REDIS_URL, ['redis:', 'rediss:']),
      'must be a redis:// or rediss:// address'
    ],
    [
      'TRUSTED_CALLERS',
      (config.TRUSTED_CALLERS ?? []).every(isKey),
      'must be 32 bytes each, as 43 characters of base64url (openssl rand 32 | basenc --base64url | tr -d =)'
    ],
    [
      'TEST_ADDRESSES',
      (config.TEST_ADDRESSES ?? []).every(parseTestAddress),
      'must be address:CODE:YYYY-MM-DD each, the code 6 to 64 letters and digits without U'
    ],
    [
      'TEST_ADDRESSES',
      !production || testAddresses(config.TEST_ADDRESSES ?? []).every(({ code }) => code.length >= 12),
      'must have codes of at least 12 characters in production'
    ],
    [
      'TEST_ADDRESSES',
      new Set(testAddresses(config.TEST_ADDRESSES ?? []).map(({ key }) => key)).size ===
        testAddresses(config.TEST_ADDRESSES ?? []).length,
      'names one address twice'
    ],
    [
      'TRUSTED_PROXIES',
      (config.TRUSTED_PROXIES ?? []).every(isRange),
      'must be address ranges, such as 10.0.0.0/8; hop counts, names and the whole internet (/0) are refused'
    ],
    [
      'MAIL_FROM',
      config.MAIL_FROM === undefined || readSender(config.MAIL_FROM) !== undefined,
      'must be an address, or `Name <address>`'
    ],
    [
      'BRAND_NAME',
      /^[^\p{C}<>"\\]{1,60}$/u.test(config.BRAND_NAME ?? ''),
      'must be 1 to 60 characters without quotes, brackets or backslashes'
    ],
    [
      'DEFAULT_LOCALE',
      new RegExp(LANGUAGE_TAG).test(config.DEFAULT_LOCALE ?? ''),
      'must be a language tag, such as en or pt-BR'
    ],
    // Written as negations: a number that could not be read is a fault of its own and must not cause a second one.
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

/** A web address that may have a query and a fragment. */
const isPage = (url: string, production: boolean): boolean => isWebAddress(url.replace(/[?#].*$/s, ''), production)

const isOrigin = (text: string, production: boolean): boolean =>
  isWebAddress(text, production) && new URL(text).origin === text && !text.includes('*')

const isKey = (key: string): boolean => /^[A-Za-z0-9_-]{43}=?$/.test(key) && Buffer.from(key, 'base64url').length === 32
