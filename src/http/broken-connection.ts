import type { Socket } from 'node:net'
import { newId } from '../lib/identifier.ts'
import { type ProblemCode, problems } from '../problems.ts'
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
