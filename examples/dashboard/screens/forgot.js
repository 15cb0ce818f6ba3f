// @ts-check
import { Refusal } from '../api.js'
import { askForLink } from '../ask.js'
import { brand } from '../config.js'
import { go } from '../go.js'
import { hasSession } from '../session.js'
import { complain, find, onPress, onSubmit, quoted, show, uncomplain } from '../show.js'
import { tell } from '../texts.js'

/**
 * Asks for the link. The answer is the same whether or not there is an account.
 *
 * @param {import('../go.js').State} state
 */
export function showForgot({ email = '', challenge }) {
  const { screen, signal } = show('forgot')
  const input = /** @type {HTMLInputElement} */ (find(screen, '#email'))
  input.value = email

  onSubmit(screen, async () => {
    uncomplain(screen)
    const typed = input.value.trim()
    try {
      const { email_suggestion: meant } = await askForLink(typed)
      if (!signal.aborted) go('sent', { email: typed, ...(meant !== undefined && { meant }) })
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 400) throw error
      complain(screen, 'email_wrong')
      input.focus()
    }
  })
  onPress(find(screen, '#back'), () => {
    if (hasSession()) return go('account')
    if (email === '') return go('email')
    go('password', { email, ...(challenge && { challenge }) })
  })
}

/** @param {import('../go.js').State} state `meant`: what the address was perhaps meant to be */
export function showSent({ email = '', meant }) {
  const { screen, signal } = show('sent')
  tell(find(screen, '#lead'), 'sent_lead', { email: quoted(email), brand })
  if (meant !== undefined) {
    tell(find(screen, '#meant'), 'did_you_mean', { email: quoted(meant) })
    tell(find(screen, '#yes'), 'suggestion_yes', { email: meant })
    find(screen, '#suggestion').hidden = false
    onPress(find(screen, '#yes'), async () => {
      await askForLink(meant)
      if (!signal.aborted) go('sent', { email: meant })
    })
  }
  const back = find(screen, '#to-sign-in')
  if (hasSession()) tell(back, 'to_account')
  onPress(back, () => (hasSession() ? go('account') : go('email', { email })))
}
