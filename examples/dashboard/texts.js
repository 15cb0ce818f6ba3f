// @ts-check
import { brand } from './config.js'
import { keep, recall } from './storage.js'
import { de } from './texts/de.js'
import { en } from './texts/en.js'
import { es } from './texts/es.js'
import { fr } from './texts/fr.js'

/** @typedef {keyof typeof en} Key */
/** @typedef {Record<string, string | number | Node | (() => string)>} Parameters */

const languages = /** @type {Record<string, Record<string, string>>} */ ({ en, fr, de, es })

export let language = [
  recall('language'),
  ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()),
  'en'
].find((tag) => tag in languages)

/** What stands in the place of a parameter, by element: texts are told again when the language changes. */
const told = /** @type {WeakMap<Element, Parameters>} */ (new WeakMap())
const labelled = /** @type {WeakMap<Element, Parameters>} */ (new WeakMap())

/**
 * The text of a key, in pieces. A text with two forms has them in brackets: `{count} [session was|sessions were] ended`.
 *
 * @param {Key} key
 * @param {Parameters} parameters
 * @returns {(string | Node)[]}
 */
function pieces(key, parameters) {
  const text = languages[language]?.[key] ?? en[key]
  const form = new Intl.PluralRules(language).select(Number(parameters.count ?? 1)) === 'one' ? '$1' : '$2'
  const all = /** @type {Parameters} */ ({ brand, ...parameters })
  return text
    .replace(/\[([^|\]]*)\|([^\]]*)\]/g, form)
    .split(/\{(\w+)\}/)
    .map((piece, index) => {
      if (index % 2 === 0) return piece
      const value = all[piece] ?? ''
      return value instanceof Node ? value : String(typeof value === 'function' ? value() : value)
    })
}

/**
 * @param {Key} key
 * @param {Parameters} [parameters]
 */
export const textOf = (key, parameters = {}) => pieces(key, parameters).join('')

/**
 * Writes a text into an element, in the language of now and of later.
 *
 * @param {Element} element
 * @param {Key} key
 * @param {Parameters} [parameters]
 */
export function tell(element, key, parameters = {}) {
  element.setAttribute('data-text', key)
  told.set(element, parameters)
  element.replaceChildren(...pieces(key, parameters))
}

/**
 * Gives an element an accessible name, likewise.
 *
 * @param {Element} element
 * @param {Key} key
 * @param {Parameters} [parameters]
 */
export function label(element, key, parameters = {}) {
  element.setAttribute('data-label', key)
  labelled.set(element, parameters)
  element.setAttribute('aria-label', textOf(key, parameters))
}

/**
 * Fills every element of a tree that names a text: `data-text` its content, `data-label` its accessible name.
 *
 * @param {ParentNode} tree
 */
export function tellAll(tree) {
  for (const element of tree.querySelectorAll('[data-text]')) {
    tell(element, /** @type {Key} */ (element.getAttribute('data-text')), told.get(element))
  }
  for (const element of tree.querySelectorAll('[data-label]')) {
    label(element, /** @type {Key} */ (element.getAttribute('data-label')), labelled.get(element))
  }
}

/** The language with the region the person reads dates in. */
const region = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language

/** @param {string} chosen */
export function speak(chosen) {
  language = chosen
  keep('language', chosen)
  document.documentElement.lang = chosen
  tellAll(document)
  document.dispatchEvent(new Event('language'))
}

/**
 * Seconds as a person says them: "in 45 seconds", "in 3 minutes".
 *
 * @param {number} seconds
 */
export function inTime(seconds) {
  const words = new Intl.RelativeTimeFormat(language)
  if (seconds < 90) return words.format(seconds, 'second')
  return seconds < 5400
    ? words.format(Math.ceil(seconds / 60), 'minute')
    : words.format(Math.ceil(seconds / 3600), 'hour')
}

/** @param {string} time RFC 3339 */
export const dateAndTime = (time) =>
  new Intl.DateTimeFormat(region(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time))

/** @param {string} time RFC 3339 */
export const dateOf = (time) => new Intl.DateTimeFormat(region(), { dateStyle: 'long' }).format(new Date(time))
