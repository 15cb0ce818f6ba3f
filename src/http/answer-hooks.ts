import type { FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify'
import { milliseconds } from '../lib/time.ts'
import type { Observe } from '../metrics/metrics.ts'

/** Headers of every answer, wherever it is made. Pages and the JWKS replace `no-store`. */
export function markAnswers(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  reply.header('cache-control', 'no-store')
  reply.header('x-content-type-options', 'nosniff')
}

/** Reports each answer to the metrics. The operation is its name in the contract, and nothing that a client has written. */
export const measureAnswers =
  (observe: Observe): onResponseHookHandler =>
  (request, reply, done) => {
    observe(request.routeOptions.schema?.operationId, reply.statusCode, reply.elapsedTime / milliseconds(1))
    done()
  }
