import { DAY } from '../lib/time.ts'
import { seconds } from './kinds.ts'

/** How long records are kept. */
export const retentionSettings = {
  EVENT_RETENTION: seconds({
    default: 400 * DAY,
    minimum: 2 * DAY, // of a mail too, whose id is made from an Idempotency-Key and the day
    maximum: 4000 * DAY,
    description: 'How long audit events are kept, and mail rows after MAIL_RETENTION has removed their address.'
  }),
  MAIL_RETENTION: seconds({
    default: 7 * DAY,
    minimum: DAY,
    maximum: 400 * DAY,
    description: 'How long a mail that was sent or given up keeps its address and the mail server’s answer.'
  })
}
