import type { FastifyInstance } from 'fastify'
import { milliseconds } from '../lib/time.ts'

/** Seconds that requests under way may take to end once the door is shut. Then a mail under way has its own, and all of it must fit into a drain. */
export const PATIENCE = 8

/**
 * While the service is on its way out, every answer ends its connection: a client or a proxy then opens the next one elsewhere, and none
 * is cut off between two requests. Kept alive, it would hold the process for as long as it may idle.
 * A client that does not finish its request, or does not read its answer, is cut off after a while.
 *
 * @param draining whether another instance is to be asked from now on
 */
export function closeGently(app: FastifyInstance, draining: () => boolean): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    setTimeout(() => app.server.closeAllConnections(), milliseconds(PATIENCE)).unref()
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing || draining()) reply.header('connection', 'close')
    done()
  })
}
