import type { Context } from '../context.ts'
import type { SessionClaims } from '../keys/recent-tokens.ts'
import { Problem } from '../problems.ts'
import { findLiveSession, type LiveSession } from './store.ts'

/** The claims of a genuine access token, even an expired one; undefined for anything else. */
export async function readBearer(ctx: Context, authorization: string | undefined): Promise<SessionClaims | undefined> {
  const token = /^Bearer ([\w.~+/-]{1,4096}=*)$/i.exec(authorization ?? '')?.[1]
  return token === undefined ? undefined : await ctx.signing.verify(token)
}

/**
 * The live session behind a bearer token: the signature is already checked, everything that can change is read from the database,
 * so that an ended session is refused at once. Refuses with `session-rejected`.
 */
export async function sessionBehind(ctx: Context, claims: SessionClaims | undefined): Promise<LiveSession> {
  if (claims === undefined) throw new Problem('session-rejected')
  const session = await findLiveSession(ctx.db, { id: claims.sid, tokenEnd: claims.exp })
  if (session === undefined) throw new Problem('session-rejected')
  return session
}
