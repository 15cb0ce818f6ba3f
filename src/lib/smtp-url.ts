import { each, hasPlainOptions } from './url-options.ts'

/** What the query of an SMTP_URL may set, of nodemailer's own options. */
const FORMS = {
  ...each(
    ['forceAuth', 'ignoreTLS', 'lmtp', 'opportunisticTLS', 'pool', 'requireTLS', 'tls.rejectUnauthorized'],
    /^(true|false)$/
  ),
  ...each(['maxMessages', 'rateDelta', 'rateLimit'], /^[1-9]\d{0,8}$/),
  ...each(
    ['name', 'authMethod', 'localAddress', 'tls.servername', 'tls.minVersion', 'tls.maxVersion', 'tls.ciphers'],
    /./s
  )
}

export const SMTP_OPTIONS = Object.keys(FORMS).sort()

/** Whether all that an SMTP_URL asks for besides the server would be acted upon. */
export const hasPlainSmtpOptions = (url: string): boolean =>
  hasPlainOptions(url, FORMS, (asked) => asked.get('ignoreTLS') === 'true' && asked.get('requireTLS') === 'true')
