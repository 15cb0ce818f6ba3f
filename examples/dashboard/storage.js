// @ts-check

/** What cannot be kept lasts as long as the page: with all cookies blocked, browsers refuse localStorage too. */
const memory = /** @type {Map<string, string>} */ (new Map())

/** @returns {Storage | undefined} */
function shelf() {
  try {
    return window.localStorage
  } catch {
    return undefined
  }
}

/** Whether other tabs find what is kept. */
export const isShared = () => shelf() !== undefined

/**
 * @param {string} name
 * @returns {any} what was kept, or undefined
 */
export function recall(name) {
  const text = shelf()?.getItem(`postern.${name}`) ?? memory.get(name)
  return text === undefined ? undefined : JSON.parse(text)
}

/**
 * @param {string} name
 * @param {unknown} value undefined forgets it
 */
export function keep(name, value) {
  memory.delete(name)
  if (value === undefined) return shelf()?.removeItem(`postern.${name}`)
  try {
    const kept = shelf()
    if (kept === undefined) memory.set(name, JSON.stringify(value))
    else kept.setItem(`postern.${name}`, JSON.stringify(value))
  } catch {
    memory.set(name, JSON.stringify(value)) // a full shelf
  }
}
