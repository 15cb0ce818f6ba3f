import { each, hasPlainOptions } from './url-options.ts'

/** All but the first and the last are one to pg 8: TLS, and the server's certificate and name are checked. */
export const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** Of these any makes pg ask for TLS, unless sslmode says otherwise. */
const TLS_FILES = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * What the query of a DATABASE_URL may set, of what pg and pg-connection-string act upon. Timeouts are not among it, which each connection
 * sets anew, nor `uselibpqcompat`, under which `require` checks nothing.
 */
const FORMS = {
  sslmode: new RegExp(`^(${SSL_MODES.join('|')})$`),
  ssl: /^(true|no-verify)$/,
  sslnegotiation: /^(postgres|direct)$/,
  port: /^[1-9]\d{0,4}$/,
  ...each([...TLS_FILES, 'application_name', 'host', 'options', 'password', 'user'], /./s)
}

export const DATABASE_OPTIONS = Object.keys(FORMS).sort()

/** Whether all that a DATABASE_URL asks for besides the database would be acted upon. */
export const hasPlainDatabaseOptions = (url: string): boolean => hasPlainOptions(url, FORMS, contradicts)

/** pg heeds one and drops the other: a check that was asked for, or TLS altogether. */
function contradicts(asked: URLSearchParams): boolean {
  const mode = asked.get('sslmode') ?? asked.get('ssl')
  if (asked.has('ssl') && ['sslmode', ...TLS_FILES].some((name) => asked.has(name))) return true
  if (mode === 'disable') return [...TLS_FILES, 'sslnegotiation'].some((name) => asked.has(name))
  return mode === 'no-verify' && asked.has('sslrootcert')
}
