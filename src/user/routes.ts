import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { named } from '../lib/schema.ts'
import { bearer, bodyRefusals, refusals, requireSession, sessionOf } from '../routing.ts'
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
        description: 'What the service knows of the person behind the bearer token.',
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
        description: 'Sets the language of mails. Members that are absent stay as they are.',
        security: bearer,
        body: UpdateMeBody,
        response: { 200: named(User, 'The account as it is now.'), ...bodyRefusals('session-rejected') }
      }
    },
    (request) => updateMe(ctx, sessionOf(request), request.body)
  )
}
