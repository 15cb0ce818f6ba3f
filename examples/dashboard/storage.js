// @ts-check

/** What cannot be kept lasts as long as the page: with all cookies blocked, browsers refuse storage too. */
const memory = /** @type {Map<string, string>} */ (new Map())

/**
 * Where something is kept: for all tabs of the browser, or for this tab and its reloads.
 *
 * @typedef {'browser' | 'tab'} Where
 */

/**
 * @param {Where} where
 * @returns {Storage | undefined}
 */
function shelf(where) {
  try {
    return where === 'browser' ? window.localStorage : window.sessionStorage
  } catch {
    return undefined
  }
}

/** Whether other tabs find what is kept. */
export const isShared = () => shelf('browser') !== undefined

/**
 * @param {string} name
 * @param {Where} [where]
 * @returns {any} what was kept, or undefined
 */
export function recall(name, where = 'browser') {
  const text = shelf(where)?.getItem(`postern.${name}`) ?? memory.get(name)
  return text === undefined ? undefined : JSON.parse(text)
}

/**
 * @param {string} name
 * @param {unknown} value undefined forgets it
 * @param {Where} [where]
 */
export function keep(name, value, where = 'browser') {
  memory.delete(name)
  if (value === undefined) return shelf(where)?.removeItem(`postern.${name}`)
  try {
    const kept = shelf(where)
    if (kept === undefined) memory.set(name, JSON.stringify(value))
    else kept.setItem(`postern.${name}`, JSON.stringify(value))
  } catch {
    memory.set(name, JSON.stringify(value)) // a full shelf
  }
}
