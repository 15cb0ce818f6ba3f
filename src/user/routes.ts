import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { named } from '../lib/schema.ts'
import { clearCookieOf, loggedOut } from '../refresh-cookie.ts'
import { bearer, bodyRefusals, clientOf, refusals, requireRecentSignIn, requireSession, sessionOf } from '../routing.ts'
import { deleteMe } from './delete-me.ts'
import { presentUser } from './present.ts'
import { UpdateMeBody, User } from './schema.ts'
import { updateMe } from './update-me.ts'

const tags = ['Account']

export const userRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.addHook('onRequest', requireSession(ctx)) // this scope and no other

  app.get(
    '/me',
    {
      schema: {
        operationId: 'getMe',
        tags,
        summary: 'The account that is signed in',
        description: 'What the service knows about the person behind the bearer token.',
        security: bearer,
        response: { 200: named(User, 'The account.'), ...refusals('session-rejected') }
      }
    },
    async (request) => presentUser(sessionOf(request))
  )

  app.patch(
    '/me',
    {
      schema: {
        operationId: 'updateMe',
        tags,
        summary: 'Change the account',
        description:
          'Sets the language of mails: of notices, and of codes and links whose request names no other by `locale` or `Accept-Language`. Members that are absent stay as they are.',
        security: bearer,
        body: UpdateMeBody,
        response: { 200: named(User, 'The account as it is now.'), ...bodyRefusals('session-rejected') }
      }
    },
    (request) => updateMe(ctx, sessionOf(request), request.body, clientOf(request))
  )

  app.delete(
    '/me',
    {
      preHandler: requireRecentSignIn(ctx),
      schema: {
        operationId: 'deleteMe',
        tags,
        summary: 'Delete the account',
        description:
          'Ends every session and forgets the account with all that belongs to it, at once and for good; only the list of mails that were sent keeps the address, for MAIL_RETENTION (a week). Requires a sign-in within the last five minutes. A mail to the address confirms it.',
        security: bearer,
        response: { 204: loggedOut, ...bodyRefusals('session-rejected', 'step-up-required') }
      }
    },
    async (request, reply) => {
      const session = sessionOf(request)
      await deleteMe(ctx, session, clientOf(request))
      clearCookieOf(ctx, request, reply, session.sessionId)
      return reply.code(204).send(null)
    }
  )
}
