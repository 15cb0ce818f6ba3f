// @ts-check
import { askForCode } from './ask.js'
import { go } from './go.js'
import { isAlive } from './pending.js'
import { call, Switched } from './session.js'

/** Seconds after a sign-in in which no other is asked for: a little less than the five minutes that the service grants. */
const FRESH = 4.5 * 60

/**
 * A code that is on its way already: whoever goes back and forth is mailed once.
 *
 * @type {{ email: string, challenge: import('./pending.js').Pending } | undefined}
 */
let asked

/**
 * What a sensitive change needs: that the person has just signed in. A code proves it once more, within the session.
 *
 * @param {'change' | 'leave'} then the screen that it is for
 * @param {import('./contract.js').User} user
 * @param {AbortSignal} signal of the screen that asks: who has left it meanwhile stays where they are
 */
export async function prove(then, user, signal) {
  const { email } = user
  if (asked?.email !== email || !isAlive(asked.challenge)) asked = { email, challenge: await askForCode(email) }
  if (signal.aborted) return
  go('code', { email, challenge: asked.challenge, required: true, then, user })
}

/**
 * Goes to a screen that needs a fresh sign-in, and asks for it now: refused later (`step-up-required`), what was typed would be lost.
 * Where the clock of this device is wrong, that still happens.
 *
 * @param {'change' | 'leave'} name
 * @param {import('./contract.js').User} user
 * @param {string} signedInAt RFC 3339
 * @param {AbortSignal} signal of the screen that asks
 */
export async function goProven(name, user, signedInAt, signal) {
  if (Date.now() - Date.parse(signedInAt) < 1000 * FRESH) go(name, { user })
  else await prove(name, user, signal)
}

/**
 * Refuses (Switched) where somebody else is signed in than the screen was made for: another tab may have told nothing of it.
 *
 * @param {import('./contract.js').User} user
 */
export async function requireSame({ id }) {
  const { user } = await call('GET', '/v1/session')
  if (user.id !== id) throw new Switched()
}
