import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { type DevInbox, inboxCsp } from '../mail/dev-inbox.ts'
import { Problem } from '../problems.ts'

/** A name that no page of somebody else's can have had pointed here (DNS rebinding): this machine's, or an address. */
const OWN_NAME = /^(localhost|[\w-]+\.localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])$/i

/** The inbox of a service without a mail server. It is not registered in production, and answers no name but its own. */
export const devRoutes: FastifyPluginAsyncTypebox<{ inbox: DevInbox; publicUrl: string }> = async (
  app,
  { inbox, publicUrl }
) => {
  const ours = new URL(publicUrl).hostname
  app.addHook('onRequest', async ({ headers }) => {
    // As the browser says it, whoever else says what: a page that was pointed here may send any other header.
    const name = URL.parse(`http://${headers.host}`)?.hostname ?? ''
    if (name !== ours && !OWN_NAME.test(name))
      throw new Problem('not-found', {
        detail: 'The inbox answers localhost, IP addresses and the host of PUBLIC_URL.'
      })
  })
  app.get('/dev/inbox', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-security-policy', inboxCsp).type('text/html; charset=utf-8').send(inbox.page())
  )
  app.get(
    '/dev/inbox.json',
    { schema: { hide: true, querystring: Type.Object({ to: Type.Optional(Type.String()) }) } },
    async (request) => ({ mails: inbox.mails(request.query.to) })
  )
}
