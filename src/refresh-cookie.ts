import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { named } from './lib/schema.ts'
import { Problem } from './problems.ts'
import { NoContent } from './routing.ts'
import { Session, type SessionTransport } from './session/schema.ts'

/** `__Host-`: only this host can set it, over TLS, for every path; no other subdomain can plant one. */
export const REFRESH_COOKIE = '__Host-postern_refresh'

const ATTRIBUTES = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const

const setCookie = (description: string) => ({ headers: { 'Set-Cookie': { type: 'string', description } } })

/** The contract of an answer with a session, which may bring the cookie. */
export const sessionSent = (description: string) =>
  Object.assign(
    named(Session, description),
    setCookie(
      `In cookie mode: \`${REFRESH_COOKIE}\` with the refresh token; HttpOnly, Secure, SameSite=Lax, Path=/, Max-Age as \`refresh_expires_in\`.`
    )
  )

/** The contract of an answer after which the cookie is gone. */
export const loggedOut = {
  ...NoContent,
  ...setCookie(`When the cookie was used, or was the ended session's: \`${REFRESH_COOKIE}\`, empty and expired.`)
}

/** Refuses a cookie sign-in from a page that may not use it, so that no page can sign a person in to somebody else's account. */
export function requireTransport(ctx: Context, request: FastifyRequest, transport: SessionTransport = 'bearer'): void {
  if (transport === 'cookie') requireOwnPage(ctx, request)
}

/** The refresh token in a request's cookie, whether or not it may be used. */
export function shownCookie({ headers, server }: FastifyRequest): string | undefined {
  const { cookie } = headers
  return cookie?.includes(REFRESH_COOKIE) ? server.parseCookie(cookie)[REFRESH_COOKIE] : undefined
}

/** The refresh token in the cookie; undefined without one. Refuses with `origin-rejected` where the cookie may not be used. */
export function cookieToken(ctx: Context, request: FastifyRequest): string | undefined {
  const token = shownCookie(request)
  if (!token) return undefined
  requireOwnPage(ctx, request)
  return token
}

/** Answers with a session, its refresh token where the client asked for it. */
export function sendSession(reply: FastifyReply, session: Session, transport: SessionTransport = 'bearer'): Session {
  const { refresh_token: token, ...rest } = session
  if (transport === 'bearer' || token === undefined) return session
  reply.setCookie(REFRESH_COOKIE, token, { ...ATTRIBUTES, maxAge: session.refresh_expires_in })
  return rest
}

export const clearCookie = (reply: FastifyReply): void => void reply.clearCookie(REFRESH_COOKIE, ATTRIBUTES)

/** Takes the cookie away where it is that of a session that has just ended: no script can, and each load would refresh it in vain. */
export function clearCookieOf(
  { secrets }: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  sessionId: string
): void {
  const token = shownCookie(request)
  if (token !== undefined && secrets.readRefresh(token)?.sessionId === sessionId) clearCookie(reply)
}

/**
 * Every browser names the origin with a POST, and no page can name another's. Pages of other sites are refused even when
 * they are listed: their browser would not keep the cookie (SameSite), and the next refresh would sign the person out.
 */
function requireOwnPage(ctx: Context, request: FastifyRequest): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  const { PUBLIC_URL, CORS_ORIGINS } = ctx.config
  const listed = origin?.startsWith('http') && [PUBLIC_URL, ...CORS_ORIGINS].includes(origin) // no web view of an app
  if (!listed || (site !== undefined && site !== 'same-origin' && site !== 'same-site'))
    throw new Problem('origin-rejected')
}
