// @ts-check
import { Refusal } from '../api.js'
import { askForCode } from '../ask.js'
import { go, leaveBehind } from '../go.js'
import { announce, complain, find, onPress, onSubmit, quoted, show, uncomplain } from '../show.js'
import { tell } from '../texts.js'

/**
 * Where everybody begins.
 *
 * @param {import('../go.js').State} state `password`: set after a new password; no code is mailed then
 */
export function showEmail({ email = '', password = false, notice }) {
  const { screen, signal } = show('email')
  if (password) tell(find(screen, '#lead'), 'email_lead_password')
  if (notice !== undefined) announce(notice)
  const input = /** @type {HTMLInputElement} */ (find(screen, '#email'))
  input.value = email

  /** @param {string} address */
  async function ask(address) {
    try {
      return await askForCode(address)
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 400) throw error
      complain(screen, 'email_wrong')
      input.focus()
      return undefined
    }
  }

  onSubmit(screen, async () => {
    uncomplain(screen)
    find(screen, '#suggestion').hidden = true
    const typed = input.value.trim()
    if (typed === '') {
      complain(screen, 'email_wrong')
      input.focus()
      return
    }
    if (password) return go('password', { email: typed })
    const challenge = await ask(typed)
    if (signal.aborted) return // the person has gone elsewhere meanwhile
    leaveBehind({ email: typed })
    if (challenge?.email_suggestion !== undefined) suggest(typed, challenge, challenge.email_suggestion)
    else if (challenge !== undefined) go('code', { email: typed, challenge })
  })

  /** @type {{ typed: string, meant: string, challenge: import('../pending.js').Pending } | undefined} */
  let asked

  /**
   * The mail is on its way to what was typed; the advice costs one press and blocks nobody.
   *
   * @param {string} typed
   * @param {import('../pending.js').Pending} challenge
   * @param {string} meant
   */
  function suggest(typed, challenge, meant) {
    asked = { typed, meant, challenge }
    const question = find(screen, '#meant')
    tell(question, 'did_you_mean', { email: quoted(meant) })
    tell(find(screen, '#yes'), 'suggestion_yes', { email: meant })
    tell(find(screen, '#no'), 'suggestion_no', { email: typed })
    find(screen, '#suggestion').hidden = false
    question.focus()
  }

  input.addEventListener('input', () => {
    find(screen, '#suggestion').hidden = true
  })
  onPress(find(screen, '#yes'), async () => {
    if (asked === undefined) return
    input.value = asked.meant
    const challenge = await ask(asked.meant)
    if (challenge !== undefined && !signal.aborted) go('code', { email: asked.meant, challenge })
  })
  onPress(find(screen, '#no'), () => {
    if (asked !== undefined) go('code', { email: asked.typed, challenge: asked.challenge })
  })
}
