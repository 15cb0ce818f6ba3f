// @ts-check
import { orSignedOut } from '../account-lists.js'
import { Refusal } from '../api.js'
import { go, leaveBehind } from '../go.js'
import { complainOfPassword } from '../policy.js'
import { prove, requireSame } from '../prove.js'
import { revealPassword } from '../reveal.js'
import { call } from '../session.js'
import { complain, find, onPress, onSubmit, show, uncomplain } from '../show.js'

/**
 * Another password, or the first one.
 *
 * @param {import('../go.js').State} state
 */
export function showChange({ user }) {
  if (user === undefined) return go('account')
  const { screen, signal } = show('change', user.has_password ? undefined : 'set_password')
  const withPassword = { user: { ...user, has_password: true } }
  const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(screen, id))
  const [username, current, input] = [field('[name=email]'), field('#current'), field('#password')]
  username.value = user.email
  if (!user.has_password) for (const element of screen.querySelectorAll('.has-password')) element.remove()
  revealPassword(screen)
  find(screen, user.has_password ? '#current' : '#password').focus()

  onSubmit(
    screen,
    orSignedOut(async () => {
      uncomplain(screen)
      await requireSame(user)
      const known = user.has_password ? { current_password: current.value } : {}
      try {
        await call('PUT', '/v1/me/password', { ...known, password: input.value })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (error.code === 'step-up-required') return await prove('change', user, signal)
        // Set in another tab meanwhile: the form lacks a field.
        if (error.code === 'credentials-rejected' && !user.has_password) return go('change', withPassword)
        if (error.code === 'credentials-rejected' || (user.has_password && current.value === '')) {
          complain(screen, current.value === '' ? 'password_empty' : 'current_wrong', {}, current)
          current.select()
          return current.focus()
        }
        if (![400, 422].includes(error.status)) throw error
        return complainOfPassword(screen, error, input)
      }
      leaveBehind(withPassword)
      go('account', { notice: 'password_changed' })
    })
  )
  if (user.has_password) onPress(find(screen, '#forgot'), () => go('forgot', { email: user.email }))
  onPress(find(screen, '#back'), () => go('account'))
}
