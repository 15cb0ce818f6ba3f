import type { Client, Context } from '../context.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { presentSession } from './present.ts'
import type { Session } from './schema.ts'
import { stepSession } from './store.ts'

/** Trades a refresh token for the current pair. Safe to repeat: a lost reply is answered again. Refuses with `refresh-rejected`. */
export async function refreshSession(ctx: Context, token: string, client: Client): Promise<Session> {
  const given = ctx.secrets.readRefresh(token)
  if (given === undefined) throw await refusalOf(ctx, token, 'refresh-rejected')

  const values = {
    id: given.sessionId,
    seedHash: ctx.secrets.seedHash(given.seed),
    given: given.generation,
    givenKeyId: given.keyId,
    keyId: ctx.secrets.ring.newest.id,
    idleTtl: ctx.config.SESSION_IDLE_TTL,
    eventId: newId(),
    ...client
  }
  const [stepped] = await stepSession(ctx.db, values)
  // A password change may have moved the session on while we waited for its row; only a new look sees both row and account.
  const session = stepped ?? (await stepSession(ctx.db, values))[0]

  if (session === undefined || session.stolen) throw new Problem('refresh-rejected')
  const fresh = presentSession(ctx, session, { seed: given.seed })
  if (fresh.refresh_expires_in === 0) throw new Problem('refresh-rejected') // it ends within this second, before anybody reads this
  return fresh
}
