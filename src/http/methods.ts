import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import findMyWay from 'find-my-way'
import { sendProblem } from './errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The pattern of the path, where it is one of ours and the method is wrong. */
    wrongMethodAt: string | null
  }
}

/** Those that an operation may have, in the order of Allow. */
const METHODS: HTTPMethods[] = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']

/** How paths are read, by the app's router and by the one that knows what a path allows. */
export const ROUTER_OPTIONS = { caseSensitive: true }

/** The catch-all of the plugin that answers preflights: whatever it leaves is a method like any other. */
const PREFLIGHTS = '*'

/** Makes a wrong method 405 with Allow, and an unknown path 404. Call it before the first route. */
export function refuseUnknown(app: FastifyInstance): void {
  const known = new Set<string>()
  app.decorateRequest('wrongMethodAt', null)
  app.addHook('onRoute', ({ url }) => void known.add(url))

  // Made when a request comes that no route takes: a start need not give each path all the methods that it lacks.
  let paths: ReturnType<typeof findMyWay> | undefined
  const makePaths = () => {
    const made = findMyWay(ROUTER_OPTIONS)
    for (const url of known) {
      const allow = METHODS.filter((method) => app.hasRoute({ url, method })).join(', ')
      made.on('GET', url, () => undefined, { url, allow })
    }
    return made
  }

  const refuse = (request: FastifyRequest, reply: FastifyReply) => {
    paths ??= makePaths()
    const found = paths.find('GET', request.url)
    const path: { url: string; allow: string } | undefined = found && !lacksPart(found.params) ? found.store : undefined
    if (bodyMayExceed(app.initialConfig.bodyLimit ?? 0, request)) reply.header('connection', 'close')
    if (path === undefined) return sendProblem(request, reply, 'not-found')
    request.wrongMethodAt = path.url
    return sendProblem(request, reply, 'method-not-allowed', { allow: path.allow })
  }
  app.setNotFoundHandler(refuse)
  // Before the body is read: faults in it do not matter here.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404 || request.routeOptions.url === PREFLIGHTS || lacksPart(request.params as Params))
      return refuse(request, reply)
  })
}

type Params = Record<string, string | undefined>

/** Whether the path ends where a part of it should stand: the router takes that for an empty one. */
function lacksPart(params: Params): boolean {
  for (const name in params) if (params[name] === '') return true
  return false
}

/** Whether what follows may be so much that Node, which reads on to the next request, would read for long. */
function bodyMayExceed(limit: number, { headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > limit
}
