import type { FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { Challenge, exampleNext } from './challenge/schema.ts'
import type { Client, Context } from './context.ts'
import type { SessionClaims } from './keys/recent-tokens.ts'
import { networkOf } from './lib/network.ts'
import { named, OneOf } from './lib/schema.ts'
import { Problem, type ProblemCode, passwordReasons, problems } from './problems.ts'
import { readBearer, sessionBehind } from './session/authenticate.ts'
import { ensureRecentSignIn } from './session/step-up.ts'
import type { LiveSession } from './session/store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireSession` in its scope, and nowhere else. */
    liveSession: LiveSession | null
    /** What the bearer says; for `claimsOf`. */
    claims: Promise<SessionClaims | undefined> | null
    /** The client's address, where a trusted caller names it, or a proxy writes it with a port or brackets. */
    clientAddress: string | null
  }
}

export const ProblemNext = Type.Object(
  {
    methods: Type.Array(Type.String(), { description: 'What may come next: `otp`. An open list.' }),
    challenge: named(Challenge)
  },
  { $id: 'ProblemNext', description: 'On `code-required`: how the sign-in continues.' }
)

export const ProblemFault = Type.Object(
  {
    pointer: Type.String({
      description:
        'JSON pointer to the place in the body, such as `/email`; empty for the body or the request as a whole. `/headers/…` is a header, `/params/…` a part of the path.'
    }),
    detail: Type.String()
  },
  { $id: 'ProblemFault' }
)

/** RFC 9457, with the members every refusal of ours has. */
export const ProblemBody = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'A page that explains the problem.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({
      description: 'What is wrong and what to do, for developers. It may change: show people a text of your own.'
    }),
    instance: Type.String({ description: '`urn:uuid:` and the request id: what to tell the operator.' }),
    code: Type.String({ description: 'What to switch on. An open list: treat an unknown code by its status.' }),
    reason: Type.Optional(
      OneOf(passwordReasons, { description: 'On `password-refused`: what is wrong with the password.' })
    ),
    min_length: Type.Optional(
      Type.Integer({
        minimum: 8,
        description: 'With the reason `too_short`: how many characters (code points) a password must have at least.'
      })
    ),
    next: Type.Optional(named(ProblemNext)),
    errors: Type.Optional(Type.Array(named(ProblemFault)))
  },
  { $id: 'Problem' }
)
export type ProblemBody = Static<typeof ProblemBody>

/** The refusals of an operation that does nothing: input that is not HTTP, too slow or broken is answered before it runs. */
export const strayRefusals = (...codes: ProblemCode[]): Record<number, unknown> => {
  const all: ProblemCode[] = [...codes, 'invalid-request', 'request-timeout', 'headers-too-large', 'internal']
  const byStatus = Map.groupBy(all, (code) => problems[code].status)
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, refusal(status, [...new Set(group)])]))
}

/** The refusals of an operation, by status, besides those that every operation has. Headers are declared elsewhere. */
export const refusals = (...codes: ProblemCode[]): Record<number, unknown> =>
  strayRefusals(...codes, 'too-many-requests', 'unavailable')

/** As `refusals`, for every operation but a GET: a body is checked even where none is needed. */
export const bodyRefusals = (...codes: ProblemCode[]): Record<number, unknown> =>
  refusals('payload-too-large', 'unsupported-media-type', ...codes)

/** What a request of any operation may be refused with; `makeExamplesTrue` names what is wrong where more can be. */
const exampleFault = { pointer: '', detail: problems['invalid-request'].title }

/** What is said besides the help, or in its place; each has an example of its own. */
const variants: Partial<Record<ProblemCode, Record<string, object>>> = {
  'invalid-request': { 'invalid-request': { detail: exampleFault.detail, errors: [exampleFault] } },
  'code-required': { 'code-required': { next: exampleNext } },
  'password-refused': {
    ...Object.fromEntries(passwordReasons.map((reason) => [reason, { reason }])),
    too_short: { detail: 'It must have at least 15 characters.', reason: 'too_short', min_length: 15 },
    too_long: { detail: 'It must have at most 1024 bytes.', reason: 'too_long' }
  }
}

/** Refusals whose examples say something more exact than the help: the help stands beside them. */
const explained: readonly ProblemCode[] = ['password-refused', 'too-many-requests']

function refusal(status: number, codes: readonly ProblemCode[]) {
  const example = (code: ProblemCode, variant: object) => ({
    type: `/problems/${code}`,
    title: problems[code].title,
    status,
    detail: problems[code].help,
    instance: 'urn:uuid:0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42',
    code,
    ...variant
  })
  const said = (code: ProblemCode) => {
    const { title, help } = problems[code]
    return `\`${code}\`: ${title}${explained.includes(code) ? ` ${help}` : ''}`
  }
  return {
    description: codes.map(said).join(' '),
    content: {
      'application/problem+json': {
        schema: { $ref: 'Problem#' },
        examples: Object.fromEntries(
          codes.flatMap((code) =>
            Object.entries(variants[code] ?? { [code]: {} }).map(([name, variant]) => [
              name,
              { value: example(code, variant) }
            ])
          )
        )
      }
    }
  }
}

/** An answer without a body. */
export const NoContent = Type.Null({ description: 'Done; the answer has no body.' })

/** Characters of a User-Agent that are kept, half of the most it may have: enough to recognise a device in a list. */
const AGENT_LENGTH = 256

/** The client's address: the one a trusted caller or proxy names, or else the peer's. */
export const clientAddressOf = (request: FastifyRequest): string => request.clientAddress ?? request.ip

export const clientOf = (request: FastifyRequest): Client => ({
  network: networkOf(clientAddressOf(request)),
  agent: request.headers['user-agent']?.slice(0, AGENT_LENGTH) ?? null,
  requestId: request.id
})

/** A UUID is the same in either case (RFC 9562, 4). */
export const idempotencyKeyOf = (request: { headers: { 'idempotency-key'?: string } }): string | undefined =>
  request.headers['idempotency-key']?.toLowerCase()

/** The claims of the request's bearer if one of our keys signed it; read once per request. */
export function claimsOf(ctx: Context, request: FastifyRequest): Promise<SessionClaims | undefined> {
  request.claims ??= readBearer(ctx, request.headers.authorization)
  return request.claims
}

/** A hook for a protected scope: refuses a request without a live session, and keeps the session for `sessionOf`. */
export const requireSession =
  (ctx: Context) =>
  async (request: FastifyRequest): Promise<void> => {
    request.liveSession = await sessionBehind(ctx, await claimsOf(ctx, request))
  }

/** A hook for a route behind `requireSession`: refuses a session whose person has not signed in within the last minutes. */
export const requireRecentSignIn =
  (ctx: Context) =>
  async (request: FastifyRequest): Promise<void> =>
    await ensureRecentSignIn(ctx, sessionOf(request))

/** Whether an operation is refused without a bearer, by what its contract says. */
export const needsSession = (security: readonly object[] = []): boolean =>
  security.length > 0 && security.every((way) => 'bearer' in way)

/** What `callersSession` means for whoever signs in. */
export const BEARER_RENEWS =
  'With a live bearer token of the same account, that session is renewed (`authenticated_at`) instead of a new one being opened, and the answer has no refresh token. An expired bearer counts as none: refresh first when it is about to expire. An answer with a `refresh_token` belongs to a new session: store the token in place of the one you have.'

/** The live session of a client that signs in again. An expired bearer does not hinder that; an outage does. */
export async function callersSession(ctx: Context, request: FastifyRequest): Promise<LiveSession | undefined> {
  try {
    const { authorization } = request.headers
    return authorization === undefined ? undefined : await sessionBehind(ctx, await claimsOf(ctx, request))
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'session-rejected') throw error
    return undefined
  }
}

export function sessionOf(request: FastifyRequest): LiveSession {
  if (request.liveSession === null) throw new Error('the route stands outside of requireSession')
  return request.liveSession
}

/** Marks an operation in the contract as one that requires a bearer token. */
export const bearer = [{ bearer: [] }]
