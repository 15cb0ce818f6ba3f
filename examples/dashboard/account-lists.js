// @ts-check
import { Refusal } from './api.js'
import { go } from './go.js'
import { call, SignedOut, Switched } from './session.js'
import { announce, find, onPress } from './show.js'
import { dateAndTime, label, tell, textOf } from './texts.js'
import { recognise } from './user-agent.js'

/**
 * A device by the name its owner knows it by.
 *
 * @param {string | null} agent
 */
function deviceName(agent) {
  const { browser, system } = recognise(agent)
  if (browser !== undefined && system !== undefined) return textOf('device_on', { browser, system })
  return browser ?? system ?? textOf('device_unknown')
}

/**
 * Ends one entry. Where another window was faster, or the answer was lost, it is gone all the same.
 *
 * @param {string} path
 */
async function remove(path) {
  try {
    await call('DELETE', path)
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error
  }
}

/**
 * A press of a button that may find the session ended, or another in its place.
 *
 * @param {() => Promise<void>} act
 */
export const orSignedOut = (act) => async () => {
  try {
    await act()
  } catch (error) {
    if (error instanceof Switched) return go('account')
    if (!(error instanceof SignedOut)) throw error
    go('email', { notice: 'session_over' })
  }
}

/**
 * Fills one list of the account.
 *
 * @param {ParentNode} screen
 * @param {'sessions' | 'devices'} list
 * @param {(import('./contract.js').Session | import('./contract.js').Device)[]} entries
 * @param {() => Promise<void>} reload
 */
export function fillList(screen, list, entries, reload) {
  const sessions = list === 'sessions'
  const rows = entries.map((entry) => {
    const row = document.createElement('li')
    const about = document.createElement('div')
    const name = document.createElement('strong')
    const used = document.createElement('span')
    tell(name, 'plain', { text: () => deviceName(entry.agent) })
    used.className = 'hint'
    const time = () => dateAndTime(entry.last_used_at)
    if (entry.network === null) tell(used, 'last_used', { time })
    else tell(used, 'last_used_from', { time, network: entry.network })
    about.append(name, used)
    row.append(about)
    if (entry.current) {
      const badge = document.createElement('span')
      badge.className = 'badge'
      tell(badge, sessions ? 'this_session' : 'this_device')
      row.append(badge)
    }
    if (entry.current && sessions) return row // that one is ended by signing out
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'quiet small'
    button.value = entry.id
    tell(button, sessions ? 'end_session' : 'forget')
    label(button, sessions ? 'end_session_of' : 'forget_device', {
      device: () => `${deviceName(entry.agent)}, ${dateAndTime(entry.last_used_at)}` // two of them may have the same name
    })
    onPress(
      button,
      orSignedOut(async () => {
        await remove(`/v1/me/${list}/${entry.id}`)
        await reload()
        announce(sessions ? 'session_ended' : 'device_forgotten')
        find(screen, `#${list}-title`).focus()
      })
    )
    row.append(button)
    return row
  })
  const old = find(screen, `#${list}`)
  const held = old.contains(document.activeElement)
    ? /** @type {HTMLButtonElement} */ (document.activeElement).value
    : ''
  old.replaceChildren(...rows)
  if (held === '') return
  // The button that had the focus is gone; focus goes on to the one in its place, or must be somewhere else.
  const same = /** @type {HTMLElement | null} */ (old.querySelector(`[value="${held}"]`))
  const next = same ?? find(screen, `#${list}-title`)
  next.focus({ preventScroll: true })
}
