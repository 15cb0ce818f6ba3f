/**
 * What the query of an SMTP_URL may set, of nodemailer's own options. It ignores a name that it does not know, and mail would go out in
 * the clear for a misspelt one.
 */
const SWITCHES = ['forceAuth', 'ignoreTLS', 'lmtp', 'opportunisticTLS', 'pool', 'requireTLS', 'tls.rejectUnauthorized']
const COUNTS = ['maxMessages', 'rateDelta', 'rateLimit']
const TEXTS = [
  'name',
  'authMethod',
  'localAddress',
  'tls.servername',
  'tls.minVersion',
  'tls.maxVersion',
  'tls.ciphers'
]

export const SMTP_OPTIONS = [...SWITCHES, ...COUNTS, ...TEXTS].sort()

/** Whether all that an SMTP_URL asks for besides the server would be acted upon: known names, once each, with values that say something. */
export function hasPlainSmtpOptions(url: string): boolean {
  if (!URL.canParse(url)) return true // which is another fault
  const { searchParams, hash } = new URL(url)
  const names = [...searchParams.keys()]
  const contradicts = searchParams.get('ignoreTLS') === 'true' && searchParams.get('requireTLS') === 'true'
  return hash === '' && !contradicts && new Set(names).size === names.length && [...searchParams].every(saysSomething)
}

function saysSomething([name, value]: [string, string]): boolean {
  if (SWITCHES.includes(name)) return /^(true|false)$/.test(value)
  if (COUNTS.includes(name)) return /^[1-9]\d{0,8}$/.test(value)
  return TEXTS.includes(name) && value !== ''
}
