/** What the query of an SMTP_URL may set: nodemailer ignores a name that it does not know, and mail would go out in the clear for a misspelt one. */
const SWITCHES = ['requireTLS', 'ignoreTLS', 'opportunisticTLS', 'tls.rejectUnauthorized']
const TEXTS = [
  'name',
  'authMethod',
  'localAddress',
  'tls.servername',
  'tls.minVersion',
  'tls.maxVersion',
  'tls.ciphers'
]

export const SMTP_OPTIONS = [...SWITCHES, ...TEXTS].sort()

/** The options in the query of an SMTP_URL that nobody would act upon: a name that is none, or a switch that is neither true nor false. */
export function idleSmtpOptions(url: string): string[] {
  const query = URL.canParse(url) ? [...new URL(url).searchParams] : []
  return query.flatMap(([name, value]) => {
    const known = SWITCHES.includes(name) ? /^(true|false)$/.test(value) : TEXTS.includes(name) && value !== ''
    return known ? [] : [name]
  })
}
