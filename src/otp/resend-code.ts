import { presentChallenge } from '../challenge/present.ts'
import type { Challenge } from '../challenge/schema.ts'
import { testCodeForm } from '../challenge/test-address.ts'
import type { Client, Context } from '../context.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { resendChallenge } from './request-store.ts'

/**
 * Mails the same code again, in a mail of its own. Its expiry and its tries stay the same. A code for a login that was made when
 * no lane had room is never mailed, but answered like any other: a difference would tell a wrong password from a right one.
 */
export async function resendCode(ctx: Context, token: string, client: Client): Promise<Challenge> {
  const challenge = ctx.secrets.readChallenge(token)
  if (challenge === undefined) throw await refusalOf(ctx, token, 'code-rejected')
  const { CODE_RESENDS, CODE_RESEND_AFTER } = ctx.config

  const mail = ctx.draftMail('code')
  const [state] = await resendChallenge(ctx.db, {
    id: challenge.id,
    keyId: challenge.keyId,
    mostSends: CODE_RESENDS + 1,
    resendAfter: CODE_RESEND_AFTER,
    mailId: mail.id,
    messageId: mail.messageId,
    eventId: newId(),
    ...client
  })

  if (state === undefined) throw new Problem('code-rejected')
  if (!state.resent) {
    const usedUp = state.sends > CODE_RESENDS
    const wait = usedUp ? state.expiresIn : CODE_RESEND_AFTER - state.sentAgo
    throw new Problem('too-many-requests', {
      detail: usedUp ? 'This code cannot be mailed again; ask for a new one.' : 'The code was mailed a moment ago.',
      retryAfter: wait,
      limit: 'code'
    })
  }
  if (state.mailed) mail.offer(challenge.id)
  return {
    ...presentChallenge(ctx, challenge.id, { ...state, sends: state.sends + 1, sentAgo: 0 }),
    ...(await testCodeForm(ctx, challenge.id))
  }
}
