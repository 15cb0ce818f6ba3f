import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { sendProblem } from './errors.ts'

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/**
 * Makes a wrong method 405 with Allow, and an unknown path 404. Call it before the first route.
 *
 * @returns to be called after the last route
 */
export function refuseUnknown(app: FastifyInstance): () => void {
  const known = new Set<string>()
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, 'not-found'))
  app.addHook('onRoute', ({ url }) => void known.add(url))

  return () => {
    for (const url of [...known]) {
      const has = (method: HTTPMethods): boolean => app.hasRoute({ url, method })
      const missing = METHODS.filter((method) => !has(method))
      if (missing.length === 0) continue
      const allow = METHODS.filter(has).sort().join(', ')
      const refuse = async (request: FastifyRequest, reply: FastifyReply) =>
        sendProblem(request, reply, 'method-not-allowed', { allow })
      app.route({
        url,
        method: missing,
        schema: { hide: true },
        exposeHeadRoute: false,
        onRequest: refuse, // before the body is read: faults in it do not matter here
        handler: refuse
      })
    }
  }
}
