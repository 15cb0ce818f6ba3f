// @ts-check
import { Refusal } from '../api.js'
import { askForCode } from '../ask.js'
import { go } from '../go.js'
import { isAlive, pending } from '../pending.js'
import { revealPassword } from '../reveal.js'
import { deviceMember, signIn } from '../session.js'
import { complain, find, onPress, onSubmit, quoted, show, uncomplain } from '../show.js'

/**
 * The password instead of the code.
 *
 * @param {import('../go.js').State} state `challenge`: of a code that is on its way all the same
 */
export function showPassword({ email = '', challenge }) {
  const { screen, signal } = show('password')
  const input = /** @type {HTMLInputElement} */ (find(screen, '#password'))
  const username = /** @type {HTMLInputElement} */ (find(screen, '[name=email]'))
  find(screen, '#lead').replaceChildren(quoted(email))
  username.value = email
  revealPassword(screen)

  onSubmit(screen, async () => {
    uncomplain(screen)
    if (input.value === '') {
      complain(screen, 'password_empty')
      input.focus()
      return
    }
    try {
      await signIn('/v1/login', { email, password: input.value, ...deviceMember() })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (signal.aborted) return // the person has gone elsewhere meanwhile
      if (error.code === 'code-required' && error.problem.next !== undefined)
        return go('code', { email, required: true, challenge: pending(error.problem.next.challenge) })
      if (error.code !== 'credentials-rejected' && error.status !== 400) throw error // a tab in it, say
      complain(screen, 'password_wrong')
      input.select()
      input.focus()
      return
    }
    go('account')
  })

  onPress(find(screen, '#forgot'), () => go('forgot', { email, ...(challenge && { challenge }) }))
  onPress(find(screen, '#with-code'), async () => {
    const open = challenge && isAlive(challenge) ? challenge : await askForCode(email)
    if (!signal.aborted) go('code', { email, challenge: open })
  })
  onPress(find(screen, '#other-address'), () => go('email', { email }))
}
