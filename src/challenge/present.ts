import type { Context } from '../context.ts'
import type { Challenge } from './schema.ts'
import type { ChallengeState } from './store.ts'

/** A challenge as its client may see it: counters and times, and the token that only this client holds. */
export function presentChallenge(ctx: Context, id: string, state: ChallengeState): Challenge {
  const form = { length: state.codeLength, alphabet: state.codeAlphabet }
  return {
    challenge: ctx.secrets.challengeToken({ keyId: state.keyId, id, form }),
    expires_in: Math.max(0, Math.floor(state.expiresIn)),
    resend_in: Math.max(0, Math.ceil(ctx.config.CODE_RESEND_AFTER - state.sentAgo)),
    resends_left: Math.max(0, ctx.config.CODE_RESENDS + 1 - state.sends),
    tries: state.triesLeft,
    code_length: form.length,
    code_alphabet: form.alphabet,
    reference: ctx.secrets.reference({ keyId: state.keyId, id })
  }
}
