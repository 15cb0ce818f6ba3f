import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { IdParams, named } from '../lib/schema.ts'
import { Problem } from '../problems.ts'
import { clearCookie, clearCookieOf, cookieToken, loggedOut, sendSession, sessionSent } from '../refresh-cookie.ts'
import { bearer, bodyRefusals, clientOf, refusals, requireSession, sessionOf } from '../routing.ts'
import { presentUser } from '../user/present.ts'
import { endOtherSessions, endSession, listSessions } from './own-sessions.ts'
import { presentSessionInfo } from './present.ts'
import { refreshSession } from './refresh-session.ts'
import { CurrentSession, RefreshBody, SessionList, SessionsEnded } from './schema.ts'
import { signOut, signOutBrowser } from './sign-out.ts'

const tags = ['Sessions']

export const sessionRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.post(
    '/session/refresh',
    {
      schema: {
        operationId: 'refreshSession',
        tags,
        summary: 'Trade a refresh token for the current pair of tokens',
        description:
          'Safe to repeat: after a lost reply, send the same token again. Replace the stored token only when the answer has arrived. Only `refresh-rejected` means that the session is over. Without a token in the body the cookie is used, and the answer brings the next one.',
        security: [{}, { cookie: [] }],
        body: RefreshBody,
        response: {
          200: sessionSent('The current pair of tokens.'),
          ...bodyRefusals('refresh-rejected', 'origin-rejected')
        }
      }
    },
    async (request, reply) => {
      const given = request.body.refresh_token
      const token = given ?? cookieToken(ctx, request)
      if (token === undefined) throw new Problem('refresh-rejected')
      // A refusal leaves the cookie: a late answer would clear the cookie of another tab that has signed in meanwhile.
      const session = await refreshSession(ctx, token, clientOf(request))
      return sendSession(reply, session, given === undefined ? 'cookie' : 'bearer')
    }
  )

  app.post(
    '/session/logout',
    {
      schema: {
        operationId: 'logout',
        tags,
        summary: 'Sign out',
        description:
          'Ends the session of the refresh token, or else that of the cookie and of the bearer token, which may have run out within the hour. It is no error if the session has already ended. The cookie is cleared.',
        security: [{}, { bearer: [] }, { cookie: [] }],
        body: RefreshBody,
        response: {
          204: loggedOut,
          ...bodyRefusals('refresh-rejected', 'session-rejected', 'origin-rejected')
        }
      }
    },
    async (request, reply) => {
      const { authorization } = request.headers
      const refreshToken = request.body.refresh_token
      const cookie = refreshToken === undefined ? cookieToken(ctx, request) : undefined
      if (cookie === undefined) await signOut(ctx, { refreshToken, authorization }, clientOf(request))
      else {
        await signOutBrowser(ctx, { cookie, authorization }, clientOf(request))
        clearCookie(reply)
      }
      return reply.code(204).send(null)
    }
  )

  await app.register(protectedRoutes, { ctx })
}

const protectedRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.addHook('onRequest', requireSession(ctx))

  app.get(
    '/session',
    {
      schema: {
        operationId: 'getSession',
        tags,
        summary: 'Who is signed in',
        description:
          'The session and the user behind a bearer token. A session that was ended is refused at once, however long its access token would last.',
        security: bearer,
        response: { 200: named(CurrentSession, 'The session and its user.'), ...refusals('session-rejected') }
      }
    },
    async (request) => {
      const session = sessionOf(request)
      return { session: presentSessionInfo(session), user: presentUser(session) }
    }
  )

  app.get(
    '/me/sessions',
    {
      schema: {
        operationId: 'listSessions',
        tags,
        summary: 'List the sessions of the user',
        description: 'Live sessions, most recently used first.',
        security: bearer,
        response: { 200: named(SessionList, 'The live sessions.'), ...refusals('session-rejected') }
      }
    },
    (request) => listSessions(ctx, sessionOf(request))
  )

  app.delete(
    '/me/sessions',
    {
      schema: {
        operationId: 'endOtherSessions',
        tags,
        summary: 'End all other sessions',
        description: 'Signs every other device out; the calling session continues.',
        security: bearer,
        response: { 200: named(SessionsEnded, 'How many sessions were ended.'), ...bodyRefusals('session-rejected') }
      }
    },
    (request) => endOtherSessions(ctx, sessionOf(request), clientOf(request))
  )

  app.delete(
    '/me/sessions/:id',
    {
      schema: {
        operationId: 'endSession',
        tags,
        summary: 'End one session',
        description: 'Signs one device out. Somebody else’s session is answered like one that does not exist.',
        security: bearer,
        params: IdParams('From the list of sessions.'),
        response: { 204: loggedOut, ...bodyRefusals('session-rejected', 'not-found') }
      }
    },
    async (request, reply) => {
      await endSession(ctx, sessionOf(request), request.params.id, clientOf(request))
      clearCookieOf(ctx, request, reply, request.params.id)
      return reply.code(204).send(null)
    }
  )
}
