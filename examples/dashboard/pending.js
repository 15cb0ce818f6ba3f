// @ts-check

/**
 * A challenge that is on its way: what the service said of it, kept true while screens come and go. Times are of this clock, in
 * milliseconds.
 *
 * @typedef {import('./contract.js').Challenge & { dead_at: number, resend_at: number }} Pending
 */

/** @param {number} seconds */
export const inSeconds = (seconds) => Date.now() + 1000 * seconds

/** @param {number} time */
export const secondsTo = (time) => Math.max(0, (time - Date.now()) / 1000)

/**
 * @param {import('./contract.js').Challenge} challenge
 * @returns {Pending}
 */
export const pending = (challenge) => ({
  ...challenge,
  dead_at: inSeconds(challenge.expires_in),
  resend_at: inSeconds(challenge.resend_in)
})

/** @param {Pending} challenge */
export const isAlive = ({ tries, dead_at }) => tries > 0 && secondsTo(dead_at) > 0
