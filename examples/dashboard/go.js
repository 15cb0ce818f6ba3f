// @ts-check

/**
 * What one screen hands to the next.
 *
 * @typedef {{
 *   email?: string
 *   challenge?: import('./pending.js').Pending
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

/** @typedef {'email' | 'code' | 'password' | 'forgot' | 'sent' | 'account'} Name */

/**
 * The screens of this visit, for the browser's Back and Forward. Only their places are in its history: what they hand on is kept in
 * memory, and gone with the page.
 *
 * @type {{ name: Name, state: State }[]}
 */
const visited = []
let place = -1

/**
 * Screens lead to each other in circles, so they name each other instead of importing each other.
 *
 * @param {Name} name
 * @param {State} [state]
 */
export function go(name, state = {}) {
  const again = visited[place]?.name === name
  const fresh = place < 0 || history.state === null // the page was just opened, or a link led to a new entry
  if (!again) place += 1
  visited.splice(place, visited.length, { name, state })
  if (again || fresh) history.replaceState({ place }, '')
  else history.pushState({ place }, '')
  screens[name]?.(state)
}

/**
 * Shows what Back or Forward leads to: never the way in to somebody who is in.
 *
 * @param {{ place: number }} entry
 * @param {boolean} signedIn
 */
export function goBack(entry, signedIn) {
  place = entry.place
  const then = visited[place] ?? { name: 'email', state: {} }
  const { name, state } =
    signedIn && ['email', 'code', 'password'].includes(then.name) ? { name: 'account', state: {} } : then
  visited[place] = { name: /** @type {Name} */ (name), state }
  screens[name]?.(state)
}
