// @ts-check
import { Refusal, send } from '../api.js'
import { askForCode } from '../ask.js'
import { clock, countDown } from '../countdown.js'
import { go } from '../go.js'
import { signIn } from '../session.js'
import { announce, complain, find, onPress, onSubmit, quoted, show, uncomplain } from '../show.js'
import { tell } from '../texts.js'

/**
 * The code from the mail.
 *
 * @param {import('../go.js').State} state `required`: the password alone was not enough
 */
export function showCode({ email = '', challenge, required = false }) {
  if (challenge === undefined) return go('email', { email })
  const { screen, signal } = show('code')
  const input = /** @type {HTMLInputElement} */ (find(screen, '#code'))
  const again = find(screen, '#resend')
  tell(find(screen, '#lead'), required ? 'code_required_lead' : 'code_lead', { email: quoted(email) })
  find(screen, '#reference').textContent = challenge.reference

  const digits = challenge.code_alphabet === 'digits'
  tell(find(screen, '#code-label'), digits ? 'code_digits' : 'code_base32', { count: challenge.code_length })
  input.inputMode = digits ? 'numeric' : 'text'
  input.classList.toggle('long', challenge.code_length > 8)

  let tries = challenge.tries
  let counting = new AbortController()
  let { resends_left: resends } = challenge

  /** @param {number} seconds */
  function waitToResend(seconds) {
    counting.abort()
    counting = new AbortController()
    countDown(seconds, AbortSignal.any([signal, counting.signal]), (left) => {
      again.ariaDisabled = left > 0 ? 'true' : null
      tell(again, left > 0 ? 'resend_in' : 'resend', { time: clock(left) })
    })
  }

  /** The code is of no use any more, or cannot be mailed again: the button now asks for another one. */
  function offerNewCode() {
    counting.abort()
    tries = 0
    again.ariaDisabled = null
    again.classList.remove('plain')
    tell(again, 'new_code')
  }

  function expire() {
    complain(screen, 'code_dead')
    offerNewCode()
  }

  countDown(challenge.expires_in, signal, (left) => {
    if (left === 0) expire()
  })
  if (resends > 0) waitToResend(challenge.resend_in)
  else offerNewCodeLater()

  /** Without resends left, what helps is a new code; but first this one may still arrive. */
  function offerNewCodeLater() {
    counting.abort()
    again.ariaDisabled = null
    tell(again, 'new_code')
  }

  onPress(again, async () => {
    uncomplain(screen)
    if (tries === 0 || resends === 0) return go('code', { email, required, challenge: await askForCode(email) })
    try {
      const now = await send('POST', '/v1/otp/resend', { body: { challenge: challenge.challenge } })
      resends = now.resends_left
      if (resends > 0) waitToResend(now.resend_in)
      else offerNewCodeLater()
      announce('resent')
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'code-rejected') throw error
      expire()
    }
  })

  function askForTyping() {
    complain(screen, 'code_empty')
    input.focus()
  }

  onSubmit(screen, async () => {
    uncomplain(screen)
    const code = input.value.trim()
    if (code === '') return askForTyping()
    try {
      await signIn('/v1/otp/verify', { challenge: challenge.challenge, code })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.status === 400) return askForTyping() // nothing but dashes, say
      if (error.code !== 'code-rejected') throw error
      tries = Math.max(0, tries - 1) // only this refusal costs one
      if (tries === 0) expire()
      else complain(screen, 'code_wrong', { count: tries })
      input.select()
      input.focus()
      return
    }
    go('account')
  })

  onPress(find(screen, '#with-password'), () => go('password', { email, challenge }))
  onPress(find(screen, '#other-address'), () => go('email', { email }))
}
