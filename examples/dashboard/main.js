// @ts-check
import { go, goBack, isPrivate, register } from './go.js'
import { showAccount } from './screens/account.js'
import { showChange } from './screens/change.js'
import { showCode } from './screens/code.js'
import { showEmail } from './screens/email.js'
import { showForgot, showSent } from './screens/forgot.js'
import { showLeave } from './screens/leave.js'
import { showPassword } from './screens/password.js'
import { hasSession, onOtherTab } from './session.js'
import { prepareShell } from './shell.js'

register({
  email: showEmail,
  code: showCode,
  password: showPassword,
  forgot: showForgot,
  sent: showSent,
  account: showAccount,
  change: showChange,
  leave: showLeave
})
prepareShell()

onOtherTab((kind) => {
  if (kind === 'signed-in') go('account')
  else if (isPrivate()) go('email', { notice: 'signed_out' }) // who signs in here at this moment goes on with that
})

/** Ways in: from the page for a new password, and from a password manager. */
function enterByLink() {
  const wanted = location.hash
  if (wanted !== '#forgot' && wanted !== '#password') return false
  history.replaceState(null, '', location.pathname)
  if (wanted === '#forgot') go('forgot')
  else go('email', { password: true })
  return true
}

if (!enterByLink()) go(hasSession() ? 'account' : 'email')
window.addEventListener('hashchange', enterByLink)
window.addEventListener('popstate', ({ state }) => state !== null && goBack(state, hasSession()))
