import { nobody } from '../audit/store.ts'
import type { Context } from '../context.ts'
import { forgetExcessTrust } from '../device/store.ts'
import { newId } from '../lib/identifier.ts'
import { endExcessSessions } from '../session/open-store.ts'
import { presentSession } from '../session/present.ts'
import type { Session } from '../session/schema.ts'
import type { SessionView } from '../session/store.ts'
import type { Draft } from './draft.ts'

/** Devices of one account that may be trusted at once; one more replaces the least recently used. */
const MOST_DEVICES = 10

/** A session that somebody is given; the device is null where none is told yet. */
export type Given = SessionView & { deviceId: string | null }

/**
 * A sign-in that opened a session or renewed one. The counts are of its account, as they were when its statement began;
 * `overtaken` when others may have signed in meanwhile, whom they leave out.
 */
type Opened = Given & { openSessions: number; devices: number; overtaken: boolean }

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

/** Whether a sign-in's statement signed anybody in. */
export const isOpened = <Row extends { sessionId: string | null }>(row: Row | undefined): row is Row & Opened =>
  row?.sessionId != null

/** The answer of a sign-in, once its account is within the limits again. */
export async function finishSignIn(ctx: Context, opened: Opened, draft: Draft): Promise<Session> {
  await keepLimits(ctx, opened)
  return presentGiven(ctx, opened, draft)
}

/** A session that was renewed keeps the refresh token it has. */
export const presentGiven = (ctx: Context, given: Given, { session, device }: Draft): Session =>
  presentSession(ctx, given, {
    seed: given.sessionId === session.id ? session.seed : undefined,
    device: { id: given.deviceId ?? device.id, seed: device.seed }
  })

/**
 * Ends the sessions and forgets the devices beyond the limits, in separate statements after the commit: only then do they see
 * what parallel sign-ins opened. They are skipped far below the limits, when nobody else is signing in. The person is already
 * signed in, by a code that is spent: a failure only postpones the clean-up.
 */
async function keepLimits({ config, db, log }: Context, opened: Opened): Promise<void> {
  const most = config.SESSIONS_PER_USER
  try {
    if (opened.overtaken || opened.openSessions + 1 > most / 2)
      await endExcessSessions(db, { userId: opened.userId, most, eventId: newId(), ...nobody })
    if (opened.overtaken || opened.devices >= MOST_DEVICES)
      await forgetExcessTrust(db, { userId: opened.userId, most: MOST_DEVICES })
  } catch (error) {
    log.warn(
      { reason: (error as Error).message },
      'could not end the sessions and devices beyond the limits of an account; its next sign-in tries again'
    )
  }
}
