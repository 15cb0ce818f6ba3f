/** What the query of an SMTP_URL may set: nodemailer ignores a name that it does not know, and mail would go out in the clear for a misspelt one. */
const SWITCHES = ['requireTLS', 'ignoreTLS', 'opportunisticTLS', 'tls.rejectUnauthorized']
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

/** The options in the query of an SMTP_URL that nobody would act upon: a name that is none, a switch that is neither true nor false, a count that is no number. */
export function idleSmtpOptions(url: string): string[] {
  const query = URL.canParse(url) ? [...new URL(url).searchParams] : []
  return query.flatMap(([name, value]) => {
    if (SWITCHES.includes(name)) return /^(true|false)$/.test(value) ? [] : [name]
    if (COUNTS.includes(name)) return /^[1-9]\d{0,8}$/.test(value) ? [] : [name]
    return TEXTS.includes(name) && value !== '' ? [] : [name]
  })
}
