import { DAY, HOUR, MINUTE } from '../lib/time.ts'
import { count, seconds } from './kinds.ts'

/** Sessions and their tokens. */
export const sessionsSettings = {
  ACCESS_TOKEN_TTL: seconds({
    default: 10 * MINUTE,
    minimum: MINUTE,
    maximum: HOUR,
    description: 'Lifetime of an access token.'
  }),
  SESSION_IDLE_TTL: seconds({
    default: 30 * DAY,
    minimum: HOUR,
    maximum: 400 * DAY,
    description: 'A session that is not refreshed for this long ends.'
  }),
  SESSION_TTL: seconds({
    default: 90 * DAY,
    minimum: HOUR,
    maximum: 400 * DAY,
    description: 'A session ends this long after it was opened, whatever happens.'
  }),
  SESSIONS_PER_USER: count({
    default: 50,
    minimum: 1,
    maximum: 1000,
    description: 'Live sessions of one user; opening one more ends the least recently used.'
  }),
  DEVICE_TTL: seconds({
    default: 180 * DAY,
    minimum: DAY,
    maximum: 400 * DAY,
    description: 'How long a device that signed in is trusted; each sign-in from it starts the time again.'
  })
}
