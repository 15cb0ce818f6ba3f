import { domainToASCII } from 'node:url'
import type { Static } from 'typebox'
import { DATABASE_OPTIONS, hasPlainDatabaseOptions, SSL_MODES } from './lib/database-url.ts'
import { isRange } from './lib/network.ts'
import { LANGUAGE_TAG } from './lib/schema.ts'
import { readSender } from './lib/sender.ts'
import { hasPlainSmtpOptions, SMTP_OPTIONS } from './lib/smtp-url.ts'
import { parseTestAddress, testAddresses } from './lib/test-address.ts'
import type { settings } from './settings.ts'

export type Settings = Static<typeof settings>

type Name = keyof Settings
type Rule = [name: Name, holds: boolean, fault: string]

const REQUIRED_IN_PRODUCTION = ['PUBLIC_URL', 'DATABASE_URL', 'SMTP_URL', 'SECRET_KEYS', 'RESET_URL'] as const
const KEY_LISTS = ['SECRET_KEYS', 'PASSWORD_PEPPERS', 'TRUSTED_CALLERS'] as const

/** The faults that a single setting's schema cannot see. @param known settings that have one already, which is enough */
export function rules(config: Settings, known: Pick<ReadonlyMap<string, string>, 'has'>): string[] {
  const production = config.NODE_ENV === 'production'
  /** A rule over a setting that may be absent. */
  const given = <N extends Name>(name: N, holds: (value: NonNullable<Settings[N]>) => boolean, fault: string): Rule => {
    const value = config[name]
    return [name, value === undefined || holds(value as NonNullable<Settings[N]>), fault]
  }
  const inProduction = (name: Name, holds: boolean, fault: string): Rule => [
    name,
    !production || holds,
    `${fault} in production`
  ]
  const orLocal = production ? '' : ', or an http address on localhost'
  const tested = testAddresses(config.TEST_ADDRESSES ?? [])

  const all: Rule[] = [
    ...REQUIRED_IN_PRODUCTION.map((name) => inProduction(name, (config[name] ?? '').length > 0, 'must be set')),
    given('PUBLIC_URL', (url) => isWebAddress(url, production), `must be an https address${orLocal}`),
    given(
      'PUBLIC_URL',
      (url) => !URL.canParse(url) || /^\/+$/.test(new URL(url).pathname),
      'must have no path: the service stands at the root of its host'
    ),
    given('BREACH_CHECK_URL', (url) => isWebAddress(url, production), `must be an https address${orLocal}`),
    given('CHANGE_PASSWORD_URL', (url) => isPage(url, production), `must be an https address${orLocal}`),
    given(
      'RESET_URL',
      (url) => isPage(url, production) && !url.includes('#'),
      `must be an https address without a fragment${orLocal}`
    ),
    given(
      'CORS_ORIGINS',
      (origins) => origins.every((origin) => isOrigin(origin, production)),
      `must be origins as browsers send them, such as https://app.example.com, without a path or a wildcard${production ? '' : '; http only on localhost'}`
    ),
    given(
      'DATABASE_URL',
      (url) => hasHost(url, ['postgres:', 'postgresql:']),
      'must be a postgres:// address with a host (localhost, where ?host= names a socket)'
    ),
    given(
      'DATABASE_URL',
      (url) => !URL.canParse(url) || !new URL(url).hostname.includes(','),
      'must name one host: put a pooler in front of several servers'
    ),
    given(
      'DATABASE_URL',
      hasPlainDatabaseOptions,
      `may set ${DATABASE_OPTIONS.join(', ')} in its query, each once, sslmode to ${SSL_MODES.join(', ')}, ssl to true or no-verify, not two that contradict each other, and nothing else`
    ),
    given('SMTP_URL', (url) => hasHost(url, ['smtp:', 'smtps:']), 'must be an smtp:// or smtps:// address with a host'),
    given(
      'SMTP_URL',
      hasPlainSmtpOptions,
      `may set ${SMTP_OPTIONS.join(', ')} in its query, each once, switches to true or false, counts to numbers, not both ignoreTLS and requireTLS, and nothing else`
    ),
    given(
      'REDIS_URL',
      (url) => hasHost(url, ['redis:', 'rediss:']),
      'must be a redis:// or rediss:// address with a host'
    ),
    ...KEY_LISTS.flatMap((name) => [
      given(
        name,
        (keys) => keys.every(isKey),
        'must be 32 bytes each, as 43 characters of base64url (openssl rand 32 | basenc --base64url | tr -d =)'
      ),
      given(name, (keys) => !hasTwins(keys), 'names one key twice')
    ]),
    inProduction('BCRYPT_COST', !(config.BCRYPT_COST < 10), 'must be at least 10'),
    inProduction('CLIENT_LIMITS', config.CLIENT_LIMITS !== false, 'must be on'),
    given(
      'TEST_ADDRESSES',
      (entries) => entries.every(parseTestAddress),
      'must be address:CODE:YYYY-MM-DD each, the code 6 to 64 letters and digits without U'
    ),
    inProduction(
      'TEST_ADDRESSES',
      tested.every(({ code }) => code.length >= 12),
      'must have codes of at least 12 characters'
    ),
    ['TEST_ADDRESSES', !hasTwins(tested.map(({ key }) => key)), 'names one address twice'],
    given(
      'TRUSTED_PROXIES',
      (ranges) => ranges.every(isRange),
      'must be address ranges, such as 10.0.0.0/8; hop counts, names and the whole internet (/0) are refused'
    ),
    given(
      'EMAIL_SUGGESTION_DOMAINS',
      (domains) => domains.every(isDomain),
      'must be domains, such as example.com, without a scheme, an @ or a path'
    ),
    given('MAIL_FROM', (sender) => readSender(sender) !== undefined, 'must be an address, or `Name <address>`'),
    given(
      'BRAND_NAME',
      (name) => /^[^\p{C}<>"\\]{1,60}$/u.test(name),
      'must be 1 to 60 characters without quotes, brackets or backslashes'
    ),
    given('DEFAULT_LOCALE', (tag) => new RegExp(LANGUAGE_TAG).test(tag), 'must be a language tag, such as en or pt-BR'),
    // Written as negations: a number that could not be read is a fault of its own and must not cause a second one.
    ['METRICS_PORT', !(config.METRICS_PORT === config.PORT && config.PORT !== 0), 'must not be PORT'],
    [
      'CODE_STRENGTHEN_AT',
      !(config.CODE_STRENGTHEN_AT < config.CODE_LENGTHEN_AT),
      'must not be below CODE_LENGTHEN_AT'
    ],
    ['SESSION_IDLE_TTL', !(config.SESSION_IDLE_TTL > config.SESSION_TTL), 'must not be above SESSION_TTL']
  ]
  return all.filter(([name, holds]) => !holds && !known.has(name)).map(([name, , fault]) => `${name} ${fault}`)
}

const hasTwins = (texts: readonly string[]): boolean => new Set(texts).size < texts.length

function hasHost(url: string, schemes: readonly string[]): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return schemes.includes(protocol) && hostname !== ''
}

function isWebAddress(url: string, production: boolean): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname, search, hash, username, password } = new URL(url)
  if (`${search}${hash}${username}${password}` !== '') return false
  return (
    protocol === 'https:' ||
    (!production && protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
  )
}

/** A web address that may have a query and a fragment. */
const isPage = (url: string, production: boolean): boolean => isWebAddress(url.replace(/[?#].*$/s, ''), production)

const isOrigin = (text: string, production: boolean): boolean =>
  !text.includes('*') && (isAppOrigin(text) || (isWebAddress(text, production) && new URL(text).origin === text))

/**
 * The origin of a web view in an app, such as capacitor://localhost: a scheme of its own, which no page in the network can have. A host
 * with a dot is more likely a mistyped https.
 */
const isAppOrigin = (text: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9-]+$/.test(text) && !/^(?:https?|wss?|ftp|file|data|blob|about|javascript):/.test(text)

/** A domain with a dot, in any script. */
const isDomain = (text: string): boolean => /^[^\s@/:?#.]+(\.[^\s@/:?#.]+)+$/.test(text) && domainToASCII(text) !== ''

const isKey = (key: string): boolean => /^[A-Za-z0-9_-]{43}=?$/.test(key) && Buffer.from(key, 'base64url').length === 32
