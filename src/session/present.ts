import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import { presentUser } from '../user/present.ts'
import type { Session, SessionInfo } from './schema.ts'
import type { LiveSession, SessionView } from './store.ts'

const secondsBetween = (from: Date, to: Date): number => Math.max(0, Math.floor((to.getTime() - from.getTime()) / 1000))

export const presentSessionInfo = (view: LiveSession): SessionInfo => ({
  id: view.sessionId,
  created_at: view.sessionCreatedAt.toISOString(),
  authenticated_at: view.authenticatedAt.toISOString(),
  expires_at: view.expiresAt.toISOString(),
  amr: view.amr
})

/** What a client's new tokens are made of; without a seed it keeps the refresh token it has. */
type FreshTokens = { seed?: Buffer | undefined; device?: { id: string; seed: Buffer } }

/** A session with a fresh access token, dated by the database's clock. */
export function presentSession(ctx: Context, view: SessionView, { seed, device }: FreshTokens): Session {
  const issuedAt = Math.floor(view.now.getTime() / 1000)
  const endsIn = Math.min(secondsBetween(view.now, view.idleExpiresAt), secondsBetween(view.now, view.expiresAt))
  const expiresIn = Math.min(ctx.config.ACCESS_TOKEN_TTL, endsIn)
  return {
    access_token: ctx.signing.sign({
      sub: view.userId,
      sid: view.sessionId,
      jti: randomUUID(),
      iat: issuedAt,
      exp: issuedAt + expiresIn,
      amr: view.amr
    }),
    token_type: 'Bearer',
    expires_in: expiresIn,
    ...(seed && {
      refresh_token: ctx.secrets.refreshToken({
        keyId: view.keyId,
        sessionId: view.sessionId,
        generation: view.generation,
        seed
      })
    }),
    refresh_expires_in: endsIn,
    ...(device && { device_token: ctx.secrets.deviceToken(device) }),
    session: presentSessionInfo(view),
    user: presentUser(view)
  }
}
