import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { readBearer } from './authenticate.ts'
import { endSessionById, endSessionBySeed } from './own-store.ts'

/**
 * Ends the session that a refresh token or a bearer names. Fine when it is already gone, and with an access token that has
 * run out: it proves whose session it is. Without a genuine token of either kind it refuses.
 */
export async function signOut(
  ctx: Context,
  tokens: { refreshToken: string | undefined; authorization: string | undefined },
  client: Client
): Promise<void> {
  const event = { eventId: newId(), ...client }
  if (tokens.refreshToken !== undefined) {
    const given = ctx.secrets.readRefresh(tokens.refreshToken)
    if (given === undefined) throw new Problem('refresh-rejected')
    await endSessionBySeed(ctx.db, { ...event, id: given.sessionId, seedHash: ctx.secrets.seedHash(given.seed) })
    return
  }
  const claims = await readBearer(ctx, tokens.authorization)
  if (claims === undefined) throw new Problem('session-rejected')
  await endSessionById(ctx.db, { ...event, id: claims.sid })
}
