// @ts-check
import { orSignedOut } from '../account-lists.js'
import { Refusal } from '../api.js'
import { go } from '../go.js'
import { prove, requireSame } from '../prove.js'
import { call, forgetSession, SignedOut } from '../session.js'
import { find, onPress, quoted, show, uncomplain } from '../show.js'
import { tell } from '../texts.js'

/**
 * The end of the account.
 *
 * @param {import('../go.js').State} state
 */
export function showLeave({ user }) {
  if (user === undefined) return go('account')
  const { screen, signal } = show('leave')
  tell(find(screen, '#lead'), 'leave_lead', { email: quoted(user.email) })

  /** Whether the service may have been told: an end of the session that shows from then on is the account's. */
  let asked = false
  onPress(
    find(screen, '#leave'),
    orSignedOut(async () => {
      uncomplain(screen)
      try {
        await requireSame(user)
        asked = true
        await call('DELETE', '/v1/me')
      } catch (error) {
        if (error instanceof Refusal) asked = false
        if (error instanceof Refusal && error.code === 'step-up-required') return await prove('leave', user, signal)
        if (!(error instanceof SignedOut && asked)) throw error // or an earlier try was carried out, and its answer lost
      }
      forgetSession()
      go('email', { notice: 'account_deleted' })
    })
  )
  onPress(find(screen, '#back'), () => go('account'))
}
