import { quotaOf } from '../limit/quotas.ts'
import { needsSession } from '../routing.ts'

/** The parts of the contract that are read and written here. */
type Contract = {
  paths?: Record<string, Record<string, Operation>>
  components?: { headers?: Record<string, unknown> }
}
type Operation = {
  operationId: string
  security?: Record<string, unknown>[]
  responses: Record<string, { headers?: Record<string, unknown> }>
}

const whole = (minimum: number, description: string) => ({ description, schema: { type: 'integer', minimum } })

/** Headers that hooks add; what only some operations have, such as the cookie, their routes declare. */
const headers = {
  'X-Request-Id': {
    description: 'The id of the request in the log of the service; a refusal repeats it in `instance`.',
    schema: { type: 'string', format: 'uuid' }
  },
  'WWW-Authenticate': {
    description:
      '`Bearer error="invalid_token"` on `session-rejected` and on nothing else; the others have schemes of their own.',
    schema: { type: 'string' }
  },
  'Retry-After': whole(1, 'Seconds to wait.')
}
const reference = (name: keyof typeof headers) => ({ [name]: { $ref: `#/components/headers/${name}` } })

/** Written out at each answer: the generated types treat a referenced header as always present. */
const quotaHeaders = {
  'RateLimit-Limit': whole(
    1,
    'Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session.'
  ),
  'RateLimit-Remaining': whole(0, 'How many of them are left.'),
  'RateLimit-Reset': whole(0, 'Seconds until all of them are available again.')
}

/** The names of what answers bear beside what their routes declare. */
export const ANSWER_HEADERS = Object.keys({ ...headers, ...quotaHeaders })

/** Answers given before the request is counted, or before there is a request. */
const UNCOUNTED = [408, 431]

/** Whether an answer may show the quota of an IP address: with a genuine token none is shown, but for one that is used up. */
function tellsQuota({ operationId, security }: Operation, status: number): boolean {
  const bound = needsSession(security)
  const holder = quotaOf(operationId, bound)?.holder
  if (holder === undefined) return false
  if (holder === 'client') return !UNCOUNTED.includes(status)
  return (bound ? [401, 429] : [204, 400, 401, 403, 429, 503]).includes(status)
}

const headersOf = (operation: Operation, status: number): Record<string, unknown> => ({
  ...reference('X-Request-Id'),
  ...(status === 401 && reference('WWW-Authenticate')),
  ...((status === 429 || status === 503) && reference('Retry-After')),
  ...(tellsQuota(operation, status) && quotaHeaders)
})

/** The contract with the headers of every answer, which come from hooks and not from routes. */
export function declareHeaders<C extends object>(contract: C): C {
  const { paths = {}, components } = contract as Contract
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods)))
    for (const [status, answer] of Object.entries(operation.responses))
      answer.headers = { ...answer.headers, ...headersOf(operation, Number(status)) }
  return { ...contract, components: { ...components, headers } }
}
