import Type from 'typebox'
import type { SettingExtras } from './lib/env.ts'
import { DAY, HOUR, MINUTE } from './lib/time.ts'

const text = (options: { description: string; default?: string } & SettingExtras) => Type.String(options)
const optional = (options: { description: string } & SettingExtras) => Type.Optional(Type.String(options))
const list = (description: string, extras: SettingExtras = {}) =>
  Type.Array(Type.String(), { default: [], description, ...extras })
const seconds = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Integer({ ...options, unit: 'seconds' })
const count = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Integer(options)
const choice = <T extends string[]>(values: [...T], fallback: T[number], description: string) =>
  Type.Enum(values, { default: fallback, description })

/** Every setting of the service, once. Types, start-up checks, `--help` and the table in the README come from here. */
export const settings = Type.Object({
  NODE_ENV: choice(
    ['development', 'test', 'production'],
    'development',
    '`production` refuses everything that is only fit for development.'
  ),
  HOST: optional({ description: 'Address to listen on.', defaultText: '127.0.0.1; in production 0.0.0.0' }),
  PORT: count({ default: 3000, minimum: 0, maximum: 65_535, description: 'Port to listen on; 0 takes a free one.' }),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Least level that is logged; `debug` adds a line per answered request.'
  ),
  DATA_DIR: text({
    default: 'data',
    description: 'Folder of the embedded database and the generated keys; development only.'
  }),
  PUBLIC_URL: optional({
    description:
      'Where clients reach the service: https, or http on localhost. It is also `iss` and the default audience of access tokens.',
    defaultText: 'http://localhost:PORT'
  }),
  TOKEN_AUDIENCE: optional({ description: '`aud` of access tokens.', defaultText: 'PUBLIC_URL' }),
  TRUSTED_PROXIES: list('Address ranges of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8.'),
  DATABASE_URL: optional({
    secret: true,
    description: 'Postgres 15 or newer, as postgres://user:password@host:port/database.',
    defaultText: 'an embedded Postgres under DATA_DIR'
  }),
  DATABASE_POOL_SIZE: count({
    default: 10,
    minimum: 1,
    maximum: 200,
    description: 'Connections each instance opens at the most.'
  }),
  DATABASE_STATEMENT_TIMEOUT: seconds({
    default: 5,
    minimum: 1,
    maximum: 60,
    description: 'Longest a statement may run; a lock is waited for half as long.'
  }),
  DATABASE_PREPARED: Type.Boolean({
    default: true,
    description: 'Named prepared statements. Turn off behind PgBouncer before 1.21 in transaction mode.'
  }),
  SECRET_KEYS: list('Master keys, newest first: 32 bytes each as base64url. All secrets are derived from them.', {
    secret: true,
    defaultText: 'generated into DATA_DIR'
  }),
  SMTP_URL: optional({
    secret: true,
    description: 'Mail server, as smtps://user:password@host:465 or smtp://host:587?requireTLS=true.',
    defaultText: 'none: mail goes to the dev inbox'
  }),
  MAIL_FROM: optional({
    description: 'Sender of every mail, as `Brand <no-reply@example.com>`.',
    defaultText: 'BRAND_NAME at no-reply@ the host of PUBLIC_URL'
  }),
  MAIL_TEMPLATES_DIR: optional({
    description: 'Folder whose files replace mail templates of the same name.',
    defaultText: 'none'
  }),
  BRAND_NAME: text({ default: 'Postern', description: 'Name that mails speak in.' }),
  DEFAULT_LOCALE: text({
    default: 'en',
    description: 'Language of mails when neither the request nor the browser names one we have.'
  }),
  EMAIL_SUGGESTION_DOMAINS: list(
    'Domains of your own that typing mistakes are compared with, beside the well-known ones.'
  ),
  SIGNUP: choice(
    ['open', 'closed'],
    'open',
    '`open`: a code goes to any address, and the right one makes an account. `closed`: only addresses that have an account get one.'
  ),
  UNKNOWN_ADDRESS: choice(
    ['notify', 'silent'],
    'notify',
    'With sign-up closed, an address without account gets a mail that says so, or nothing.'
  ),
  CODE_TTL: seconds({
    default: 10 * MINUTE,
    minimum: MINUTE,
    maximum: 10 * MINUTE,
    description: 'How long a mailed code stays valid (ASVS 5.0 6.5.5: at most ten minutes).'
  }),
  CODE_TRIES: count({ default: 3, minimum: 1, maximum: 5, description: 'Guesses a code allows.' }),
  CODE_RESEND_AFTER: seconds({
    default: 30,
    minimum: 0,
    maximum: 10 * MINUTE,
    description: 'Wait between two mails of one code.'
  }),
  CODE_RESENDS: count({
    default: 3,
    minimum: 0,
    maximum: 10,
    description: 'How often one code is mailed again at the most.'
  }),
  CODE_LENGTHEN_AT: count({
    default: 10,
    minimum: 0,
    maximum: 100,
    description:
      'Level of open or failed guesses on an address up to which its codes have 6 digits. The level leaks by 10 in 30 days.'
  }),
  CODE_STRENGTHEN_AT: count({
    default: 30,
    minimum: 0,
    maximum: 1000,
    description:
      'Level up to which codes have 8 digits; above it they have 13 letters and digits, which nobody guesses.'
  }),
  ACCESS_TOKEN_TTL: seconds({
    default: 10 * MINUTE,
    minimum: MINUTE,
    maximum: HOUR,
    description: 'Life of an access token.'
  }),
  SESSION_IDLE_TTL: seconds({
    default: 30 * DAY,
    minimum: HOUR,
    maximum: 400 * DAY,
    description: 'A session ends when it is not refreshed for so long.'
  }),
  SESSION_TTL: seconds({
    default: 90 * DAY,
    minimum: HOUR,
    maximum: 400 * DAY,
    description: 'A session ends so long after it was opened, whatever happens.'
  }),
  SESSIONS_PER_USER: count({
    default: 50,
    minimum: 1,
    maximum: 1000,
    description: 'Live sessions of one user; opening one more ends the one used longest ago.'
  })
})
