import { each, hasPlainOptions } from './url-options.ts'

/** To pg 8 all but the first and the last mean the same: TLS, with the server's certificate and name checked. */
export const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** Any of these makes pg use TLS, unless sslmode says otherwise. */
const TLS_FILES = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * What the query of a DATABASE_URL may set, of what pg and pg-connection-string understand. Timeouts are left out, because each
 * connection sets its own, and so is `uselibpqcompat`, under which `require` checks nothing.
 */
const FORMS = {
  sslmode: new RegExp(`^(${SSL_MODES.join('|')})$`),
  ssl: /^(true|no-verify)$/,
  sslnegotiation: /^(postgres|direct)$/,
  port: /^[1-9]\d{0,4}$/,
  ...each([...TLS_FILES, 'application_name', 'host', 'options', 'password', 'user'], /./s)
}

export const DATABASE_OPTIONS = Object.keys(FORMS).sort()

/** Whether everything in the query of a DATABASE_URL would take effect. */
export const hasPlainDatabaseOptions = (url: string): boolean => hasPlainOptions(url, FORMS, contradicts)

/** Whether two options conflict: pg obeys one and drops the other, which may be a certificate check or TLS altogether. */
function contradicts(asked: URLSearchParams): boolean {
  const mode = asked.get('sslmode') ?? asked.get('ssl')
  if (asked.has('ssl') && ['sslmode', ...TLS_FILES].some((name) => asked.has(name))) return true
  if (mode === 'disable') return [...TLS_FILES, 'sslnegotiation'].some((name) => asked.has(name))
  return mode === 'no-verify' && asked.has('sslrootcert')
}
