import type { FastifyInstance } from 'fastify'
import { milliseconds } from '../lib/time.ts'

/** Seconds that requests under way may take once no new ones come. A mail under way has its own after that; all of it fits into a drain. */
export const CLOSING_PATIENCE = 8
/** Seconds before that at which passwords that still wait for a thread are refused, so that they are answered and not cut off. */
const LAST_WORDS = 1

/**
 * While the service shuts down, every answer closes its connection: the client or proxy then opens the next one elsewhere, and
 * none is cut off between two requests. A connection kept alive would hold the process for as long as it may idle. A client that
 * does not finish its request, or does not read its answer, is cut off after a while.
 *
 * @param draining whether clients should use another instance from now on
 * @param passwords the one queue that a request may wait in for longer
 */
export function closeGently(
  app: FastifyInstance,
  draining: () => boolean,
  passwords: { stop: () => Promise<void> }
): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    setTimeout(() => void passwords.stop(), milliseconds(CLOSING_PATIENCE - LAST_WORDS)).unref()
    setTimeout(() => app.server.closeAllConnections(), milliseconds(CLOSING_PATIENCE)).unref()
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing || draining()) reply.header('connection', 'close')
    done()
  })
}
