// @ts-check
import { complain } from './show.js'

/** Why the policy refuses a password; one that this page does not know is told in general. */
const REASONS = /** @type {Record<string, import('./texts.js').Key>} */ ({
  too_short: 'reason_too_short',
  too_long: 'reason_too_long',
  common: 'reason_common',
  personal: 'reason_personal',
  breached: 'reason_breached'
})

/**
 * Tells what is wrong with a new password.
 *
 * @param {ParentNode} screen
 * @param {import('./api.js').Refusal} refusal 422, or 400 where the service cannot even read it
 * @param {HTMLInputElement} input
 */
export function complainOfPassword(screen, { problem }, input) {
  const { reason = '', min_length: count = 0 } = problem
  complain(screen, input.value === '' ? 'password_empty' : (REASONS[reason] ?? 'reason_other'), { count }, input)
  input.focus()
}
