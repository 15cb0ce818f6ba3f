import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { isOutage, sqlState } from '../db/failure.ts'
import { pointerTo } from '../lib/json-pointer.ts'
import { QUOTA_HEADERS } from '../limit/quotas.ts'
import { type Limit, Problem, type ProblemCode, type ProblemDetails, problems } from '../problems.ts'
import type { ProblemBody } from '../routing.ts'
import type { AnswerLog } from './answer-log.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What it is refused with, for the log. */
    refusedWith: ProblemCode | null
    /** Which limit it ran into, for the log. */
    limitedBy: Limit | null
  }
}

/** Seconds after which to retry a broken dependency, unless the refusal says otherwise. */
export const RETRY_AFTER = 2

/** What is said of a member that an operation does not have. */
export const UNKNOWN_MEMBER = 'is not a known member'

/** The RFC 9457 body of a refusal. */
export function problemBody(code: ProblemCode, requestId: string, details: ProblemDetails = {}): ProblemBody {
  const { title, status, help } = problems[code]
  const errors =
    code === 'invalid-request' ? (details.errors ?? [{ pointer: '', detail: details.detail ?? title }]) : undefined
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail: details.detail ?? (errors && saidOf(errors)) ?? help,
    instance: `urn:uuid:${requestId}`,
    code,
    ...(details.reason !== undefined && { reason: details.reason }),
    ...(details.minLength !== undefined && { min_length: details.minLength }),
    ...(details.next !== undefined && { next: details.next as NonNullable<ProblemBody['next']> }),
    ...(errors !== undefined && { errors })
  }
}

const saidOf = (errors: readonly { pointer: string; detail: string }[]): string =>
  errors.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ')

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ProblemCode,
  details: ProblemDetails = {}
) {
  const { status, scheme } = problems[code]
  request.refusedWith = code
  request.limitedBy = details.limit ?? null
  if (scheme !== undefined) reply.header('www-authenticate', scheme)
  const retryAfter = details.retryAfter ?? (code === 'unavailable' ? RETRY_AFTER : undefined)
  if (retryAfter !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(retryAfter)))
  if (details.allow !== undefined) reply.header('allow', details.allow)
  // No quota headers where the quota has room and something else is exhausted, such as an account's budget.
  if (code === 'too-many-requests' && reply.getHeader('ratelimit-remaining') !== 0)
    for (const name of QUOTA_HEADERS) reply.removeHeader(name)
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemBody(code, request.id, details))
}

/** Turns every error into an answer of the catalogue. An unexpected one is logged and answered as `internal`, without details. */
export const errorHandler =
  (answers: AnswerLog) => (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof Problem) {
      if (error.code === 'unavailable') answers.unavailable(request, { err: error }, 'a dependency is not available')
      return sendProblem(request, reply, error.code, error.details)
    }
    if (isOutage(error)) {
      const reason = { reason: error.message, sqlState: sqlState(error) }
      answers.unavailable(request, reason, 'the database is not available')
      return sendProblem(request, reply, 'unavailable')
    }
    if (error.validation) return sendProblem(request, reply, 'invalid-request', { errors: faultsOf(error) })
    const code = foreseen(error)
    if (code !== undefined)
      return sendProblem(request, reply, code, code === 'invalid-request' ? { detail: error.message } : {})
    request.log.error({ err: error }, 'unexpected error')
    return sendProblem(request, reply, 'internal')
  }

/** The framework's own refusals, which come before the route's handler. */
function foreseen(error: FastifyError): ProblemCode | undefined {
  if (error.statusCode === 413) return 'payload-too-large'
  if (error.statusCode === 414 || error.statusCode === 404) return 'not-found'
  if (error.statusCode === 415) return 'unsupported-media-type'
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return 'invalid-request'
  return undefined
}

function faultsOf(error: FastifyError): { pointer: string; detail: string }[] {
  const place = error.validationContext === 'body' ? '' : `/${error.validationContext}`
  return (error.validation ?? []).map(({ instancePath, params, message }) => {
    const name = params.missingProperty ?? params.additionalProperty
    const member = typeof name === 'string' ? pointerTo(name) : ''
    const detail = params.additionalProperty === undefined ? (message ?? 'is not valid') : UNKNOWN_MEMBER
    return { pointer: `${place}${instancePath}${member}`, detail: params.missingProperty ? 'is missing' : detail }
  })
}
