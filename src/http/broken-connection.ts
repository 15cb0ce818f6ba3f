import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { newId } from '../lib/identifier.ts'
import { milliseconds } from '../lib/time.ts'
import type { Observe } from '../metrics/metrics.ts'
import { Problem, type ProblemCode, problems } from '../problems.ts'
import type { AnswerLog } from './answer-log.ts'
import { problemBody } from './errors.ts'

const codes: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout'
}

const NOT_HTTP = 'the request is not HTTP/1.1 as RFC 9112 has it: its method, target, a header or a length is malformed'

/** Seconds to read the answer in: closed sooner, the kernel resets the connection and the answer is lost. */
const LAST_WORD = 1

/** Answers what is not HTTP, too large or too slow: without a request, the answer is written, logged and counted by hand. */
export const answerBrokenConnections =
  (answers: AnswerLog, observe: Observe | undefined) =>
  (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy()
      return
    }
    const code = codes[error.code ?? ''] ?? 'invalid-request'
    const id = newId()
    const details = code === 'invalid-request' ? { detail: NOT_HTTP } : {}
    const body = JSON.stringify(problemBody(code, id, details))
    const { status } = problems[code]
    answers.refused(id, status, code)
    observe?.(undefined, status, 0)
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Connection: close',
        'Content-Type: application/problem+json',
        'Cache-Control: no-store',
        'X-Content-Type-Options: nosniff',
        `X-Request-Id: ${id}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body
      ].join('\r\n')
    )
    // Node no longer watches the socket, and a client that never closes its end would keep it for good.
    setTimeout(() => socket.destroy(), milliseconds(LAST_WORD)).unref()
  }

const HOST = /^[\w.~!$&'()*+,;=:%[\]-]*$/

/** What is wrong with a request's Host (RFC 9112 3.2); undefined when nothing is. */
function hostFault({ httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  if (headers.host === undefined) return httpVersion === '1.1' ? 'the Host header is missing' : undefined
  if (!HOST.test(headers.host)) return 'the Host header is not a valid host'
  let times = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === 4 && name.toLowerCase() === 'host') times += 1
  }
  return times > 1 ? 'the Host header is given twice' : undefined
}

/** Answers an odd Host or Expect, which Node would answer without a body and an id, or accept. */
export function answerOddRequests(app: FastifyInstance): void {
  // RFC 9110 10.1.1: it may be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.addHook('onRequest', (request, _reply, done) => {
    const detail = hostFault(request.raw)
    done(detail === undefined ? undefined : new Problem('invalid-request', { detail }))
  })
}
