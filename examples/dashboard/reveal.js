// @ts-check
import { find } from './show.js'

/**
 * Lets a person see what they type. The form hides it again before it is sent, so that the browser does not keep it as a plain text.
 *
 * @param {ParentNode} screen
 */
export function revealPassword(screen) {
  const input = /** @type {HTMLInputElement} */ (find(screen, '#password'))
  const button = find(screen, '.show')
  /** @param {boolean} shown */
  const set = (shown) => {
    input.type = shown ? 'text' : 'password'
    button.ariaPressed = String(shown)
  }
  button.addEventListener('click', () => set(input.type === 'password'))
  input.form?.addEventListener('submit', () => set(false))
}
