import { DAY, HOUR } from '../lib/time.ts'
import { count, optional, seconds } from './kinds.ts'

/** What a new password must be, and the link that replaces a forgotten one. */
export const newPasswordsSettings = {
  PASSWORD_MIN_LENGTH: count({
    default: 15,
    minimum: 8,
    maximum: 64,
    description:
      'The fewest characters a new password may have (NIST SP 800-63B-4 3.1.1.2: 15 where it is the only factor).'
  }),
  BREACH_CHECK_URL: optional({
    description:
      'Service that new passwords are checked against for leaks, such as https://api.pwnedpasswords.com/range/. It gets five hex digits of a digest, never a password; without an answer within 2 seconds the password is accepted.',
    defaultText: 'none: no check'
  }),
  RESET_URL: optional({
    description:
      'Your page that the "Update password" mail leads to; the token is appended as `#token=…`. Required in production.',
    defaultText: 'the demo page at PUBLIC_URL'
  }),
  RESET_TTL: seconds({
    default: DAY,
    minimum: HOUR,
    maximum: DAY,
    description:
      'How long a link for a new password stays valid. With less than a day, strangers who use up the mails of an address leave gaps without a link for its owner.'
  })
}
