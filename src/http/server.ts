import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { milliseconds } from '../lib/time.ts'

/**
 * Requests of one connection that may be under way. Clients send the next when they have read the answer; Node, however, hands over
 * all that a client sends at once, some 2,000 small ones a read, and everybody else waits until they are answered.
 */
const MOST_UNDER_WAY = 64

/** Seconds in which nothing moves on a connection, such as an answer that nobody reads. */
const STALLED = 90

/** The server under the framework, with limits for slow, silent and greedy connections. */
export function makeServer(handle: RequestListener): Server {
  const underWay = new WeakMap<Socket, number>()
  const server = createServer(
    {
      requestTimeout: milliseconds(15),
      headersTimeout: milliseconds(10),
      keepAliveTimeout: milliseconds(620), // longer than any usual proxy, Google Cloud's with its fixed 600 s too, which then closes first
      connectionsCheckingInterval: milliseconds(2), // how often Node looks at the first two; of its own every 30 s
      requireHostHeader: false // see answerOddRequests
    },
    (request, response) => {
      const { socket } = request
      if (socket.destroyed) return // what came behind the one too many
      const count = (underWay.get(socket) ?? 0) + 1
      if (count > MOST_UNDER_WAY) {
        socket.destroy()
        return
      }
      underWay.set(socket, count)
      response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
      handle(request, response)
    }
  )
  return server.setTimeout(milliseconds(STALLED))
}
