// @ts-check
import { Outage, Refusal } from './api.js'
import { brand } from './config.js'
import { inTime, tell, tellAll } from './texts.js'

/**
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} tree
 * @param {string} selector
 * @returns {T}
 */
export function find(tree, selector) {
  const found = tree.querySelector(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return /** @type {T} */ (/** @type {unknown} */ (found))
}

let leaving = new AbortController()

/**
 * Puts a screen in place of the one before: the template `screen-NAME` of the page. Focus moves to what it asks for first, so that a
 * keyboard goes on and a screen reader says where it is.
 *
 * @param {string} name
 * @param {import('./texts.js').Key} [title] in place of the heading that the template has
 * @returns {{ screen: HTMLElement, signal: AbortSignal }} `signal` ends with the screen: give it to listeners and timers
 */
export function show(name, title) {
  leaving.abort()
  leaving = new AbortController()
  const template = /** @type {HTMLTemplateElement} */ (find(document, `#screen-${name}`))
  const screen = find(document, '#screen')
  screen.replaceChildren(template.content.cloneNode(true))
  screen.setAttribute('data-screen', name)
  tellAll(screen)
  const heading = find(screen, 'h1')
  if (title !== undefined) tell(heading, title)
  const entitle = () => {
    document.title = `${heading.textContent} · ${brand}`
  }
  entitle()
  document.addEventListener('language', entitle, { signal: leaving.signal })
  find(screen, '[data-focus]').focus()
  return { screen, signal: leaving.signal }
}

/**
 * Says something without moving the focus: in the live region of the page, which is read out when the reader is free.
 *
 * @param {import('./texts.js').Key} key
 * @param {import('./texts.js').Parameters} [parameters]
 */
export function announce(key, parameters) {
  const status = find(document, '#status')
  tell(status, key, parameters)
}

function hush() {
  const status = find(document, '#status')
  status.removeAttribute('data-text')
  status.replaceChildren()
}

/**
 * Tells what is wrong beside the form it is wrong in, at once.
 *
 * @param {ParentNode} screen
 * @param {import('./texts.js').Key} key
 * @param {import('./texts.js').Parameters} [parameters]
 * @param {Element | null} [input] what is wrong
 */
export function complain(screen, key, parameters, input = screen.querySelector('input:not([hidden])')) {
  const fault = find(screen, '[role=alert]')
  tell(fault, key, parameters)
  input?.setAttribute('aria-invalid', String(!['outage', 'too_many', 'too_many_later'].includes(key)))
}

/** @param {ParentNode} screen */
export function uncomplain(screen) {
  const fault = find(screen, '[role=alert]')
  fault.replaceChildren()
  fault.removeAttribute('data-text')
  for (const input of screen.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid')
}

/**
 * What a failure means to a person, where the screen knows nothing better.
 *
 * @param {ParentNode} screen
 * @param {unknown} error
 */
export function complainOf(screen, error) {
  if (error instanceof Outage) return complain(screen, 'outage')
  if (!(error instanceof Refusal)) throw error
  if (error.status !== 429) return complain(screen, 'refused', { id: error.problem.instance.replace('urn:uuid:', '') })
  const { retryAfter } = error
  if (retryAfter === undefined) return complain(screen, 'too_many_later')
  complain(screen, 'too_many', { time: () => inTime(retryAfter) })
}

/**
 * Runs `act` when the form of a screen is sent; one at a time, and the form says that it is busy.
 *
 * @param {ParentNode} screen
 * @param {(form: HTMLFormElement) => Promise<void>} act
 */
export function onSubmit(screen, act) {
  const form = /** @type {HTMLFormElement} */ (find(screen, 'form'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void busy(form, () => act(form))
  })
}

/**
 * Presses of a button that asks the service something.
 *
 * @param {Element} button
 * @param {() => Promise<void> | void} act
 */
export function onPress(button, act) {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') void busy(button, act)
  })
}

/**
 * @param {Element} element
 * @param {() => Promise<void> | void} act
 */
async function busy(element, act) {
  if (element.ariaBusy === 'true') return
  element.ariaBusy = 'true'
  hush()
  try {
    await act()
  } catch (error) {
    const screen = element.closest('[data-screen]')
    if (screen !== null) complainOf(screen, error)
  } finally {
    element.ariaBusy = null
  }
}

/**
 * An address or another text of the person's own: told apart from the sentence around it, and never translated.
 *
 * @param {string} text
 */
export function quoted(text) {
  const element = document.createElement('strong')
  element.translate = false
  element.textContent = text
  return element
}
