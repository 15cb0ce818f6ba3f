import type { FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { milliseconds } from '../lib/time.ts'
import type { Observe } from '../metrics/metrics.ts'

/** What is logged of an id that a client brings: no address, and no token of ours that went into the wrong header. */
const REQUEST_ID = /^(?![a-z]{3}_)[\w.:-]{1,64}$/

/** What every answer bears, whoever makes it. Pages and the JWKS replace `no-store` by what suits them. */
export function markAnswers(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  reply.header('cache-control', 'no-store')
  reply.header('x-content-type-options', 'nosniff')
}

/**
 * One line an answer: refusals at `info`, our own failures at `error`, the rest at `debug`. The route's pattern stands for the path,
 * because whatever somebody puts into a path or a query is theirs and may be secret.
 */
export const logAnswers: onResponseHookHandler = (request, reply, done) => {
  const { statusCode } = reply
  const level = statusCode >= 500 ? 'error' : statusCode >= 400 ? 'info' : 'debug'
  const log = request.log as Logger
  if (log.isLevelEnabled(level)) {
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
  done()
}

/** Tells the metrics of each answer. The operation is the contract's name for it: nothing that a client has written. */
export const measureAnswers =
  (observe: Observe): onResponseHookHandler =>
  (request, reply, done) => {
    observe(request.routeOptions.schema?.operationId, reply.statusCode, reply.elapsedTime / milliseconds(1))
    done()
  }
