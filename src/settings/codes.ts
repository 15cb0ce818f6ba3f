import Type from 'typebox'
import { MINUTE } from '../lib/time.ts'
import { count, seconds } from './kinds.ts'

/** Mailed codes. */
export const codesSettings = {
  CODE_TTL: seconds({
    default: 10 * MINUTE,
    minimum: MINUTE,
    maximum: 10 * MINUTE,
    description: 'How long a mailed code stays valid (ASVS 5.0 6.5.5: at most ten minutes).'
  }),
  CODE_TRIES: count({ default: 3, minimum: 1, maximum: 5, description: 'Guesses allowed per code.' }),
  CODE_RESEND_AFTER: seconds({
    default: 30,
    minimum: 0,
    maximum: 10 * MINUTE,
    description: 'Time between two mails of the same code.'
  }),
  CODE_RESENDS: count({
    default: 3,
    minimum: 0,
    maximum: 10,
    description: 'How often one code may be mailed again.'
  }),
  CODE_LENGTHEN_AT: count({
    default: 10,
    minimum: 0,
    maximum: 100,
    description:
      'Codes have 6 digits while an address has at most this many open or failed guesses; the count falls by 10 in 30 days.'
  }),
  CODE_STRENGTHEN_AT: count({
    default: 30,
    minimum: 0,
    maximum: 1000,
    description:
      'Codes have 8 digits while the count of CODE_LENGTHEN_AT is at most this; above it they have 13 letters and digits, which cannot be guessed.'
  }),
  STRICT_CODES: Type.Boolean({ default: false, description: 'Codes start with 8 digits instead of 6.' })
}
