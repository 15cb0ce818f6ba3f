// @ts-check

/**
 * What one screen hands to the next.
 *
 * @typedef {{
 *   email?: string
 *   challenge?: import('./contract.js').Challenge
 *   required?: boolean
 *   meant?: string
 *   password?: boolean
 *   notice?: import('./texts.js').Key
 * }} State
 * @typedef {(state: State) => void} Screen
 */

/** @type {Record<string, Screen>} */
let screens = {}

/** @param {Record<string, Screen>} all */
export function register(all) {
  screens = all
}

/**
 * Screens lead to each other in circles, so they name each other instead of importing each other.
 *
 * @param {'email' | 'code' | 'password' | 'forgot' | 'sent' | 'account'} name
 * @param {State} [state]
 */
export function go(name, state = {}) {
  screens[name]?.(state)
}
