import { nobody } from '../audit/store.ts'
import type { Context } from '../context.ts'
import { forgetExcessTrust } from '../device/store.ts'
import { newId } from '../lib/identifier.ts'
import { endExcessSessions } from './open-store.ts'

/** Devices of one account that may be trusted at once; one more replaces the least recently used. */
const MOST_DEVICES = 10

/** What a sign-in reports about its account's sessions and devices, as they were when its statement began. */
export type Signed = { userId: string; openSessions: number; devices: number; overtaken: boolean }

/** What is the same for every sign-in. */
export const signInRules = ({ config, secrets }: Context) => ({
  sessionKeyId: secrets.ring.newest.id,
  idleTtl: config.SESSION_IDLE_TTL,
  sessionTtl: config.SESSION_TTL,
  deviceKeyId: secrets.ring.newest.id,
  deviceTtl: config.DEVICE_TTL,
  defaultLocale: config.DEFAULT_LOCALE,
  signupOpen: config.SIGNUP === 'open'
})

/**
 * Ends what is beyond the limits, in separate statements after the commit: only then do they see what parallel sign-ins opened.
 * They are skipped far below the limits, when nobody else is signing in. The person is already signed in, by a code that is
 * spent: a failure only postpones the clean-up.
 */
export async function limitSignIns({ config, db, log }: Context, signed: Signed): Promise<void> {
  const most = config.SESSIONS_PER_USER
  try {
    if (signed.overtaken || signed.openSessions + 1 > most / 2)
      await endExcessSessions(db, { userId: signed.userId, most, eventId: newId(), ...nobody })
    if (signed.overtaken || signed.devices >= MOST_DEVICES)
      await forgetExcessTrust(db, { userId: signed.userId, most: MOST_DEVICES })
  } catch (error) {
    log.warn(
      { reason: (error as Error).message },
      'could not end the sessions and devices beyond the limits of an account; its next sign-in tries again'
    )
  }
}
