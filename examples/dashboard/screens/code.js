// @ts-check
import { Refusal, send } from '../api.js'
import { askForCode } from '../ask.js'
import { clock, countDown } from '../countdown.js'
import { go, leaveBehind } from '../go.js'
import { inSeconds, secondsTo } from '../pending.js'
import { SignedOut, Switched, signIn } from '../session.js'
import { announce, complain, find, onPress, onSubmit, quoted, show, uncomplain } from '../show.js'
import { tell } from '../texts.js'

/**
 * The code from the mail.
 *
 * @param {import('../go.js').State} state `required`: the password alone was not enough, or a session must be proven once more;
 *   `then`: what for
 */
export function showCode({ email = '', challenge: mailed, required = false, then, user }) {
  if (mailed === undefined) return go('email', { email })
  const challenge = mailed
  const { screen, signal } = show('code')
  const input = /** @type {HTMLInputElement} */ (find(screen, '#code'))
  /** What is handed on while a session is proven once more. */
  const proving = then === undefined || user === undefined ? {} : { then, user }
  if (then !== undefined) {
    find(screen, '#with-password').hidden = true
    tell(find(screen, '#other-address'), 'back')
  }
  const again = find(screen, '#resend')
  tell(find(screen, '#lead'), required ? 'code_required_lead' : 'code_lead', { email: quoted(email) })
  find(screen, '#reference').textContent = challenge.reference

  const digits = challenge.code_alphabet === 'digits'
  tell(find(screen, '#code-label'), digits ? 'code_digits' : 'code_base32', { count: challenge.code_length })
  input.inputMode = digits ? 'numeric' : 'text'
  input.classList.toggle('long', challenge.code_length > 8)

  let counting = new AbortController()

  function waitToResend() {
    counting.abort()
    counting = new AbortController()
    countDown(secondsTo(challenge.resend_at), AbortSignal.any([signal, counting.signal]), (left) => {
      again.ariaDisabled = left > 0 ? 'true' : null
      tell(again, left > 0 ? 'resend_in' : 'resend', { time: clock(left) })
    })
  }

  /** The code is of no use any more, or cannot be mailed again: the button now asks for another one. */
  function offerNewCode() {
    counting.abort()
    challenge.tries = 0
    again.ariaDisabled = null
    again.classList.remove('plain')
    tell(again, 'new_code')
    const useless = find(screen, '[type=submit]') // it could only be refused
    if (useless === document.activeElement) again.focus()
    useless.hidden = true
  }

  function expire() {
    complain(screen, 'code_dead')
    offerNewCode()
  }

  countDown(secondsTo(challenge.dead_at), signal, (left) => {
    if (left === 0) expire()
  })
  if (challenge.tries === 0) expire()
  else if (challenge.resends_left > 0) waitToResend()
  else offerNewCodeLater()

  /** Without resends left, what helps is a new code; but first this one may still arrive. */
  function offerNewCodeLater() {
    counting.abort()
    again.ariaDisabled = null
    tell(again, 'new_code')
  }

  async function askAnew() {
    const another = await askForCode(email)
    if (signal.aborted) return
    go('code', { email, required, challenge: another, ...proving })
    announce('new_code_sent')
  }

  onPress(again, async () => {
    uncomplain(screen)
    if (challenge.tries === 0 || challenge.resends_left === 0) return await askAnew()
    try {
      const now = await send('POST', '/v1/otp/resend', { body: { challenge: challenge.challenge } })
      challenge.resends_left = now.resends_left
      challenge.resend_at = inSeconds(now.resend_in)
      if (challenge.resends_left > 0) waitToResend()
      else offerNewCodeLater()
      announce('resent')
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.code === 'code-rejected') return expire()
      if (error.retryAfter === undefined) throw error
      challenge.resend_at = inSeconds(error.retryAfter) // another tab was faster, say
      waitToResend()
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
      await signIn('/v1/otp/verify', { challenge: challenge.challenge, code }, { again: then !== undefined })
    } catch (error) {
      if (error instanceof Switched) return go('account')
      if (error instanceof SignedOut) return go('email', { notice: 'session_over' })
      if (!(error instanceof Refusal)) throw error
      if (error.status === 400) return askForTyping() // nothing but dashes, say
      if (error.code !== 'code-rejected') throw error
      challenge.tries = Math.max(0, challenge.tries - 1) // only this refusal costs one
      if (challenge.tries === 0) expire()
      else complain(screen, 'code_wrong', { count: challenge.tries })
      input.select()
      input.focus()
      return
    }
    challenge.tries = 0 // it is used
    leaveBehind({}) // there is nothing to come back to
    go(then ?? 'account', proving)
  })

  onPress(find(screen, '#with-password'), () => go('password', { email, challenge }))
  onPress(find(screen, '#other-address'), () => (then === undefined ? go('email', { email }) : go('account')))
}
