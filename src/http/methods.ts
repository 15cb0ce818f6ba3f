import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import findMyWay from 'find-my-way'
import { sendProblem } from './errors.ts'

/** Those that an operation may have, in the order of Allow. */
const METHODS: HTTPMethods[] = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']

/** How paths are read, by the app's router and by the one that knows what a path allows. */
export const ROUTER_OPTIONS = { caseSensitive: true }

/** Makes a wrong method 405 with Allow, and an unknown path 404. Call it before the first route. */
export function refuseUnknown(app: FastifyInstance): void {
  const known = new Set<string>()
  app.addHook('onRoute', ({ url }) => void known.add(url))

  // Made when a request comes that no route takes: a start need not give each path all the methods that it lacks.
  let allowed: ReturnType<typeof findMyWay> | undefined
  const makeAllowed = () => {
    const paths = findMyWay(ROUTER_OPTIONS)
    for (const url of known) {
      const allow = METHODS.filter((method) => app.hasRoute({ url, method })).join(', ')
      paths.on('GET', url, () => undefined, allow)
    }
    return paths
  }

  const refuse = (request: FastifyRequest, reply: FastifyReply) => {
    allowed ??= makeAllowed()
    const allow = allowed.find('GET', request.url)?.store
    return sendProblem(request, reply, allow === undefined ? 'not-found' : 'method-not-allowed', { allow })
  }
  app.setNotFoundHandler(refuse)
  // Before the body is read: faults in it do not matter here.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return refuse(request, reply)
  })
}
