import { each, hasPlainOptions } from './url-options.ts'

/** What the query of an SMTP_URL may set, of nodemailer's own options. */
const FORMS = {
  ...each(
    ['forceAuth', 'ignoreTLS', 'lmtp', 'opportunisticTLS', 'pool', 'requireTLS', 'tls.rejectUnauthorized'],
    /^(true|false)$/
  ),
  ...each(['maxMessages', 'rateDelta', 'rateLimit'], /^[1-9]\d{0,8}$/),
  ...each(['maxConnections'], /^([1-9]|10)$/), // more would do nothing: the courier sends ten mails at once
  ...each(
    ['name', 'authMethod', 'localAddress', 'tls.servername', 'tls.minVersion', 'tls.maxVersion', 'tls.ciphers'],
    /./s
  )
}

export const SMTP_OPTIONS = Object.keys(FORMS).sort()

/** Whether everything in the query of an SMTP_URL would take effect. */
export const hasPlainSmtpOptions = (url: string): boolean =>
  hasPlainOptions(url, FORMS, (asked) => asked.get('ignoreTLS') === 'true' && asked.get('requireTLS') === 'true')
