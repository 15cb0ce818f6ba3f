// @ts-check
import { call } from './session.js'
import { announce, find, onPress } from './show.js'
import { dateAndTime, tell, textOf } from './texts.js'

const BROWSERS = { 'Edg/': 'Edge', 'OPR/': 'Opera', 'Firefox/': 'Firefox', 'Chrome/': 'Chrome', 'Safari/': 'Safari' }
const SYSTEMS = {
  Android: 'Android',
  iPhone: 'iPhone',
  iPad: 'iPad',
  Windows: 'Windows',
  'Mac OS X': 'macOS',
  Linux: 'Linux'
}

/**
 * A device by the name its owner knows it by.
 *
 * @param {string | null} agent
 */
export function deviceName(agent) {
  /** @param {Record<string, string>} names */
  const named = (names) => Object.entries(names).find(([mark]) => agent?.includes(mark))?.[1]
  const browser = named(BROWSERS)
  const system = named(SYSTEMS)
  if (browser === undefined || system === undefined) return textOf('device_unknown')
  return textOf('device_on', { browser, system })
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
    const current = 'current' in entry && entry.current
    const row = document.createElement('li')
    const about = document.createElement('div')
    const name = document.createElement('strong')
    const used = document.createElement('span')
    name.textContent = deviceName(entry.agent)
    used.className = 'hint'
    tell(used, 'last_used', { time: () => dateAndTime(entry.last_used_at) })
    about.append(name, used)
    row.append(about)
    if (current) {
      const badge = document.createElement('span')
      badge.className = 'badge'
      tell(badge, 'this_session')
      row.append(badge)
      return row
    }
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'quiet small'
    tell(button, sessions ? 'end_session' : 'forget')
    button.ariaLabel = textOf(sessions ? 'end_session_of' : 'forget_device', { device: name.textContent })
    onPress(button, async () => {
      await call('DELETE', `/v1/me/${list}/${entry.id}`)
      await reload()
      announce(sessions ? 'session_ended' : 'device_forgotten')
      find(screen, `#${list}-title`).focus() // the button is gone, and focus must be somewhere
    })
    row.append(button)
    return row
  })
  find(screen, `#${list}`).replaceChildren(...rows)
}
