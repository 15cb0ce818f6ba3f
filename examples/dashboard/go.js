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
 *   then?: Name
 *   user?: import('./contract.js').User
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

/** @typedef {'email' | 'code' | 'password' | 'forgot' | 'sent' | 'account' | 'change' | 'leave'} Name */

/**
 * The screens of this visit, for the browser's Back and Forward. Only their places are in its history: what they hand on is kept in
 * memory, and gone with the page.
 *
 * @type {{ name: Name, state: State }[]}
 */
const visited = []
let place = (history.state?.place ?? 0) - 1 // a reload stays where it was

/**
 * Screens lead to each other in circles, so they name each other instead of importing each other.
 *
 * @param {Name} name
 * @param {State} [state]
 */
export function go(name, state = {}) {
  if (name === 'email') forgetInside()
  const again = visited[place]?.name === name
  const fresh = visited.length === 0 || history.state === null // the page was just opened, or a link led to a new entry
  if (!again) place += 1
  visited.length = place
  visited[place] = { name, state }
  if (again || fresh) history.replaceState({ place }, '')
  else history.pushState({ place }, '')
  screens[name]?.(state)
}

/** Screens of the signed-in account, and those that are for anybody. */
const INSIDE = ['account', 'change', 'leave']
const ANYBODY = ['forgot', 'sent']

/** @param {{ name: Name, state: State }} visit `then`: it proves once more whose the account is */
const isInside = ({ name, state }) => INSIDE.includes(name) || state.then !== undefined

/** Whether what is shown is for a signed-in person only. */
export function isPrivate() {
  const here = visited[place]
  return here !== undefined && isInside(here)
}

/**
 * What Back finds on the screen that is shown now.
 *
 * @param {State} state
 */
export function leaveBehind(state) {
  const here = visited[place]
  if (here !== undefined) here.state = state
}

/** Who signs in next must not come back to a screen of somebody else's account. */
function forgetInside() {
  visited.forEach((visit, index) => {
    if (isInside(visit)) visited[index] = { name: 'account', state: {} }
  })
}

/**
 * Shows what Back or Forward leads to: never the way in to somebody who is in, nor the account to somebody who is not.
 *
 * @param {{ place: number }} entry
 * @param {boolean} signedIn
 */
export function goBack(entry, signedIn) {
  if (!signedIn) forgetInside()
  place = entry.place
  const then = visited[place] ?? { name: 'email', state: {} }
  const here = ANYBODY.includes(then.name) || isInside(then) === signedIn
  const now = here ? then : { name: /** @type {Name} */ (signedIn ? 'account' : 'email'), state: {} }
  visited[place] = now
  screens[now.name]?.(now.state)
}
