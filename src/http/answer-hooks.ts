import type { FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { milliseconds } from '../lib/time.ts'
import type { Observe } from '../metrics/metrics.ts'
import type { RefusalLog } from './refusal-log.ts'

/** The form of a client's request id that is logged: it holds no address, and no token of ours sent in the wrong header. */
const REQUEST_ID = /^(?![a-z]{3}_)[\w.:-]{1,64}$/

/** Headers of every answer, wherever it is made. Pages and the JWKS replace `no-store`. */
export function markAnswers(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  reply.header('cache-control', 'no-store')
  reply.header('x-content-type-options', 'nosniff')
}

/**
 * One line per answer: refusals at `info`, our own failures at `error`, the rest at `debug`. The route's pattern is logged
 * instead of the path, because what a client puts into a path or a query may be secret.
 */
export function logAnswer(refusals: RefusalLog, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode } = reply
  const level = statusCode >= 500 ? 'error' : statusCode >= 400 ? 'info' : 'debug'
  const log = request.log as Logger
  if (!log.isLevelEnabled(level) || (level === 'info' && !refusals.takes())) return
  const given = request.headers['x-request-id']
  log[level](
    {
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: statusCode,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      ...(typeof given === 'string' && REQUEST_ID.test(given) && { client_request_id: given })
    },
    'answered'
  )
}

/** Reports each answer to the metrics. The operation is its name in the contract, and nothing that a client has written. */
export const measureAnswers =
  (observe: Observe): onResponseHookHandler =>
  (request, reply, done) => {
    observe(request.routeOptions.schema?.operationId, reply.statusCode, reply.elapsedTime / milliseconds(1))
    done()
  }
