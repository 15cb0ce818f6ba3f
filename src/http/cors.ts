import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { HOUR } from '../lib/time.ts'
import { ANSWER_HEADERS } from './contract-headers.ts'

/** What they may send. The last three are of W3C tracing, which browser agents add to every call; nothing here reads them. */
const ALLOWED = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'X-Request-Id',
  'traceparent',
  'tracestate',
  'baggage'
]

const SHARED = {
  credentials: true, // the refresh cookie; without any wildcard this admits only the origins on the list
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ALLOWED,
  exposedHeaders: ANSWER_HEADERS,
  maxAge: 2 * HOUR // the most that Chromium keeps a preflight
}

/**
 * Lets scripts of the listed origins read answers, and of no other. Without a list nothing is added, and every answer is the same
 * for every origin. Call it before `refuseUnknown`: the catch-all that this adds for preflights is not one of our paths.
 */
export async function answerListedOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  const listed = new Set(origins)
  await app.register(cors, {
    delegator: (request, done) =>
      done(null, {
        ...SHARED,
        origin: listed.has(request.headers.origin ?? ''),
        // An OPTIONS that is not a preflight is a method like any other: 405 where the path does not support it.
        preflight: request.headers['access-control-request-method'] !== undefined
      })
  })
}
