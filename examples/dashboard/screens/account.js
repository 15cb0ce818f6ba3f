// @ts-check
import { fillList, orSignedOut } from '../account-lists.js'
import { Outage, Refusal } from '../api.js'
import { countDown } from '../countdown.js'
import { go } from '../go.js'
import { goProven } from '../prove.js'
import { call, SignedOut, Switched, signOut } from '../session.js'
import { announce, find, onPress, show, uncomplain } from '../show.js'
import { dateOf, inTime, language, tell } from '../texts.js'

/** Seconds between two tries during an outage, when the service has not said how many. */
const TRY_AGAIN = 5

/**
 * The signed-in account. An outage is shown as one, and retried by itself; only the service's refusal ends the session.
 *
 * @param {import('../go.js').State} state
 */
export function showAccount({ notice }) {
  const { screen, signal } = show('account')
  if (notice !== undefined) announce(notice)
  let waiting = new AbortController()
  let steps = { change: async () => {}, leave: async () => {} }
  /** What the person has chosen here, until the account has it too. */
  let chosen = ''

  async function load() {
    waiting.abort()
    try {
      await tellLanguage()
      const [{ session, user }, { sessions }, devices] = await Promise.all([
        call('GET', '/v1/session'),
        call('GET', '/v1/me/sessions'),
        call('GET', '/v1/me/devices').then((list) => list.devices, withoutDevices)
      ])
      if (signal.aborted) return
      uncomplain(screen)
      fillProfile(user, session)
      fillList(screen, 'sessions', sessions, load)
      find(screen, '#end-others').hidden = sessions.length < 2
      fillList(screen, 'devices', devices, load)
      find(screen, '#devices-card').hidden = devices.length === 0
      find(screen, '#loading').hidden = true
      find(screen, '#loaded').hidden = false
      const outage = find(screen, '#outage')
      if (outage.hasChildNodes()) announce('back_again')
      if (outage.contains(document.activeElement)) find(screen, 'h1').focus() // "Try now" goes, and focus must be somewhere
      outage.replaceChildren()
    } catch (error) {
      if (!signal.aborted) onFailure(error)
    }
  }

  /** Notices are written in the account's language, whatever that of the page is. */
  async function tellLanguage() {
    const locale = chosen
    if (locale === '') return
    await call('PATCH', '/v1/me', { locale })
    if (chosen === locale) chosen = ''
  }

  /** @param {unknown} error */
  function onFailure(error) {
    if (error instanceof SignedOut) return go('email', { notice: 'session_over' })
    if (error instanceof Switched) return void load()
    const [wait, key] =
      error instanceof Refusal
        ? [error.retryAfter ?? 60, /** @type {const} */ ('too_many')]
        : [
            Math.max(error instanceof Outage ? (error.retryAfter ?? 0) : 0, TRY_AGAIN),
            /** @type {const} */ ('outage_session')
          ]
    const outage = find(screen, '#outage')
    if (!outage.hasChildNodes()) {
      const again = document.createElement('button')
      again.type = 'button'
      again.className = 'small'
      tell(again, 'try_now')
      onPress(again, load)
      outage.append(document.createElement('p'), again)
    }
    // What says the same as before is not written again: a screen reader would say it at each try.
    const text = find(outage, 'p')
    if (text.getAttribute('data-text') !== key || key === 'too_many') tell(text, key, { time: () => inTime(wait) })
    waiting = new AbortController()
    countDown(wait, AbortSignal.any([signal, waiting.signal]), (left) => {
      if (left === 0) void load()
    })
  }

  /**
   * @param {import('../contract.js').User} user
   * @param {import('../contract.js').OwnSession} session
   */
  function fillProfile(user, { amr, authenticated_at: signedInAt }) {
    find(screen, '#address').textContent = user.email
    find(screen, '#initial').textContent = (user.email[0] ?? '').toUpperCase()
    tell(find(screen, '#since'), 'plain', { text: () => dateOf(user.created_at) })
    tell(find(screen, '#method'), amr.includes('pwd') ? 'by_pwd' : 'by_otp')
    const change = find(screen, '#change-password')
    tell(change, user.has_password ? 'change_password' : 'set_password')
    steps = {
      change: () => goProven('change', user, signedInAt, signal),
      leave: () => goProven('leave', user, signedInAt, signal)
    }
  }

  onPress(
    find(screen, '#end-others'),
    orSignedOut(async () => {
      const { sessions_ended: count } = await call('DELETE', '/v1/me/sessions')
      await load()
      announce('others_ended', { count })
      find(screen, '#sessions-title').focus()
    })
  )
  onPress(find(screen, '#change-password'), () => steps.change())
  onPress(find(screen, '#delete-account'), () => steps.leave())
  onPress(find(screen, '#sign-out'), async () => {
    await signOut()
    go('email', { notice: 'signed_out' })
  })

  const choose = () => {
    chosen = language
    void load()
  }
  document.addEventListener('language', choose, { signal })
  // Coming back to the tab, or to the network, shows at once what became of the session.
  window.addEventListener('online', () => void load(), { signal })
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void load(), { signal })
  void load()
}

/**
 * A service without trusted devices has no such list.
 *
 * @param {unknown} error
 */
function withoutDevices(error) {
  if (error instanceof Refusal && error.status === 404) return []
  throw error
}
