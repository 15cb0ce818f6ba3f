import { DAY, HOUR } from '../lib/time.ts'
import { count, optional, seconds } from './kinds.ts'

/** What a new password must be, and the link that a forgotten one is replaced with. */
export const newPasswordsSettings = {
  PASSWORD_MIN_LENGTH: count({
    default: 15,
    minimum: 8,
    maximum: 64,
    description: 'Characters a new password has at least (NIST SP 800-63B-4 3.1.1.2: 15 where it is the only factor).'
  }),
  BREACH_CHECK_URL: optional({
    description:
      'Where new passwords are looked up among leaked ones, such as https://api.pwnedpasswords.com/range/. Five hex digits of a digest go there, never a password; without an answer in 2 seconds the password is taken.',
    defaultText: 'none: not looked up'
  }),
  RESET_URL: optional({
    description:
      'Your page that the "Update password" mail leads to; the token stands behind it as `#token=`. Required in production.',
    defaultText: 'the demo page at PUBLIC_URL'
  }),
  RESET_TTL: seconds({
    default: DAY,
    minimum: HOUR,
    maximum: DAY,
    description: 'How long a link for a new password stays valid.'
  })
}
