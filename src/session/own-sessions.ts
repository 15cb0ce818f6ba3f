import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { endOtherOwnSessions, endOwnSession, listLiveSessions } from './own-store.ts'
import type { ListedSession } from './schema.ts'
import type { LiveSession } from './store.ts'

/** The caller's live sessions, most recently used first: its own, which is used now, before all others. */
export async function listSessions(ctx: Context, session: LiveSession): Promise<{ sessions: ListedSession[] }> {
  const sessions = await listLiveSessions(ctx.db, { userId: session.userId, current: session.sessionId })
  return {
    sessions: sessions.map((listed) => ({
      id: listed.id,
      current: listed.id === session.sessionId,
      created_at: listed.createdAt.toISOString(),
      authenticated_at: listed.authenticatedAt.toISOString(),
      last_used_at: listed.lastUsedAt.toISOString(),
      expires_at: listed.expiresAt.toISOString(),
      amr: listed.amr,
      network: listed.network,
      agent: listed.agent
    }))
  }
}

/** Ends one of the caller's sessions; somebody else's, an ended and an unknown one are all `not-found`. */
export async function endSession(ctx: Context, session: LiveSession, id: string, client: Client): Promise<void> {
  const { userId, sessionId } = session
  const [result] = await endOwnSession(ctx.db, { userId, sessionId, id, eventId: newId(), ...client })
  if (!result?.held) throw new Problem('session-rejected') // it ended while the body was on its way
  if (result.ended !== 1) throw new Problem('not-found')
}

/** Ends all of the caller's sessions but the calling one. */
export async function endOtherSessions(
  ctx: Context,
  session: LiveSession,
  client: Client
): Promise<{ sessions_ended: number }> {
  const { userId, sessionId } = session
  const [result] = await endOtherOwnSessions(ctx.db, { userId, sessionId, eventId: newId(), ...client })
  if (!result?.held) throw new Problem('session-rejected')
  return { sessions_ended: result.ended }
}
