import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { type DevInbox, inboxCsp } from '../mail/dev-inbox.ts'

/** The inbox of a service without a mail server. It is not registered in production. */
export const devRoutes: FastifyPluginAsyncTypebox<{ inbox: DevInbox }> = async (app, { inbox }) => {
  app.get('/dev/inbox', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-security-policy', inboxCsp).type('text/html; charset=utf-8').send(inbox.page())
  )
  app.get(
    '/dev/inbox.json',
    { schema: { hide: true, querystring: Type.Object({ to: Type.Optional(Type.String()) }) } },
    async (request) => ({ mails: inbox.mails(request.query.to) })
  )
}
