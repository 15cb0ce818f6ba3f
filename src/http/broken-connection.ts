import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { newId } from '../lib/identifier.ts'
import { Problem, type ProblemCode, problems } from '../problems.ts'
import { problemBody } from './errors.ts'

const codes: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout'
}

/** Answers what is no HTTP, too large or too slow: no request exists yet, so the answer is written by hand. */
export function answerBrokenConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const code = codes[error.code ?? ''] ?? 'invalid-request'
  const id = newId()
  const body = JSON.stringify(problemBody(code, id))
  socket.end(
    [
      `HTTP/1.1 ${problems[code].status} ${code}`,
      'Connection: close',
      'Content-Type: application/problem+json',
      'Cache-Control: no-store',
      `X-Request-Id: ${id}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body
    ].join('\r\n')
  )
}

/** Answers what Node itself would answer, without a body and an id: a request without Host (RFC 9112 3.2), or with an odd Expect. */
export function answerOddRequests(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => app.routing(request, response)) // RFC 9110 10.1.1: may be ignored
  app.addHook('onRequest', (request, _reply, done) => {
    const nameless = request.raw.httpVersion === '1.1' && request.headers.host === undefined
    done(nameless ? new Problem('invalid-request', { detail: 'the Host header is missing' }) : undefined)
  })
}
