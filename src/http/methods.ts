import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { sendProblem } from './errors.ts'

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/**
 * Makes a wrong method 405 with Allow, and an unknown path 404. Call it before the first route.
 *
 * @returns to be called after the last route
 */
export function refuseUnknown(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>()
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, 'not-found'))
  app.addHook('onRoute', ({ url, method }) => {
    known.set(url, (known.get(url) ?? new Set()).union(new Set([method].flat())))
  })

  return () => {
    for (const [url, methods] of [...known]) {
      const missing = METHODS.filter((method) => !methods.has(method))
      if (missing.length === 0 || url.startsWith('/docs')) continue // the reference page brings routes of its own
      const allow = [...methods].sort().join(', ')
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
