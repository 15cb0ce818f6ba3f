import { SMTP_OPTIONS } from '../lib/smtp-url.ts'
import { list, optional, text } from './kinds.ts'

/** Mails: who sends them, and how they read. */
export const mailSettings = {
  SMTP_URL: optional({
    secret: true,
    description: `Mail server, as smtps://user:password@host:465 or smtp://host:587?requireTLS=true. The query may set Nodemailer's options ${SMTP_OPTIONS.join(', ')}.`,
    defaultText: 'none: mail goes to the dev inbox'
  }),
  MAIL_FROM: optional({
    description: 'Sender of every mail, as `Brand <no-reply@example.com>`.',
    defaultText: '`BRAND_NAME <no-reply@HOST>`, with the host of PUBLIC_URL'
  }),
  MAIL_TEMPLATES_DIR: optional({
    description: 'Folder whose files replace mail templates of the same name.',
    defaultText: 'none'
  }),
  BRAND_NAME: text({ default: 'Postern', description: 'Product name shown in mails.' }),
  DEFAULT_LOCALE: text({
    default: 'en',
    description: 'Language of mails when neither the request nor the browser names one we have.'
  }),
  EMAIL_SUGGESTION_DOMAINS: list(
    'Your own domains that mistyped addresses are compared with, besides the well-known ones.'
  )
}
