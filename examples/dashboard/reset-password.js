// @ts-check
import { Refusal, send } from './api.js'
import { complainOfPassword } from './policy.js'
import { revealPassword } from './reveal.js'
import { prepareShell } from './shell.js'
import { complainOf, find, onPress, onSubmit, quoted, show, uncomplain } from './show.js'
import { keep } from './storage.js'
import { dateAndTime, tell } from './texts.js'

prepareShell()

let token = ''
takeToken()
// Another link, opened in a tab that shows this page already.
window.addEventListener('hashchange', () => location.hash.startsWith('#token=') && takeToken())

/** The fragment never reaches a server. It leaves the address bar and the history too, before anything else happens. */
function takeToken() {
  token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  history.replaceState(null, '', location.pathname)
  if (token === '') show('reopen')
  else void inspect()
}

/** Spends nothing: the link may be opened as often as somebody likes. */
async function inspect() {
  const { screen } = show('loading')
  const again = find(screen, '#again')
  onPress(again, inspect)
  try {
    showForm(await send('POST', '/v1/password/reset/inspect', { body: { token } }))
  } catch (error) {
    if (isDead(error)) return void show('dead')
    find(screen, '#loading').hidden = true
    again.hidden = false
    complainOf(screen, error)
  }
}

/** @param {unknown} error */
const isDead = (error) =>
  error instanceof Refusal && (error.code === 'reset-rejected' || error.problem.errors?.[0]?.pointer === '/token')

/** @param {{ email_hint: string, expires_at: string }} reset */
function showForm(reset) {
  const { screen } = show('reset')
  const input = /** @type {HTMLInputElement} */ (find(screen, '#password'))
  tell(find(screen, '#lead'), 'reset_lead', {
    email: quoted(reset.email_hint),
    time: () => dateAndTime(reset.expires_at)
  })
  revealPassword(screen)

  onSubmit(screen, async () => {
    uncomplain(screen)
    try {
      showUpdated(await send('POST', '/v1/password/reset', { body: { token, password: input.value } }))
    } catch (error) {
      if (isDead(error)) return void show('dead')
      if (!(error instanceof Refusal) || ![400, 422].includes(error.status)) throw error
      complainOfPassword(screen, error, input)
    }
  })
}

/** @param {{ sessions_ended: number, device_token?: string }} answer */
function showUpdated(answer) {
  if (answer.device_token !== undefined) keep('device', answer.device_token)
  const { screen } = show('updated')
  tell(find(screen, '#lead'), 'updated_lead', { count: answer.sessions_ended })
}
