// @ts-check
import { apiBase } from './config.js'
import { find } from './show.js'
import { language, speak } from './texts.js'

/** What stands around every screen: the brand, the language, and the links for development. */
export function prepareShell() {
  const choice = /** @type {HTMLSelectElement} */ (find(document, '#language'))
  speak(language)
  choice.value = language
  choice.addEventListener('change', () => speak(choice.value))
  for (const link of document.querySelectorAll('footer a')) {
    link.setAttribute('href', apiBase + link.getAttribute('href'))
  }
}
