import type { FastifyPluginAsync } from 'fastify'

/** Where password managers send people to change a password (W3C, A Well-Known URL for Changing Passwords). */
export const changePasswordRoute: FastifyPluginAsync<{ page: string }> = async (app, { page }) => {
  app.get('/.well-known/change-password', { schema: { hide: true } }, (_request, reply) => reply.redirect(page, 303))
}
