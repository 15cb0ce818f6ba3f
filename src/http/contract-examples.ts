import { quotaOf, usedUp } from '../limit/quotas.ts'
import { needsSession } from '../routing.ts'

/** The parts of the contract that are read and written here. */
type Contract = { paths?: Record<string, Record<string, Operation>> }
type Operation = {
  operationId: string
  security?: Record<string, unknown>[]
  parameters?: { in: string; name: string; schema: { pattern?: string } }[]
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, unknown> } }> }
  responses: Record<string, { content?: Record<string, { examples?: Record<string, { value: Said }> }> }>
}
type Said = { code: string; detail: string; errors?: Fault[] }
type Fault = { pointer: string; detail: string }

/** What may be wrong with a request of this operation; undefined where it takes nothing. */
function faultOf(method: string, { parameters = [], requestBody }: Operation): Fault | undefined {
  const [body] = Object.values(requestBody?.content ?? {})
  const [member] = Object.keys(body?.schema.properties ?? {})
  if (member !== undefined) return { pointer: `/${member}`, detail: 'must be string' }
  const inPath = parameters.find((parameter) => parameter.in === 'path')
  if (inPath) return { pointer: `/params/${inPath.name}`, detail: `must match pattern "${inPath.schema.pattern}"` }
  return method === 'get' ? undefined : { pointer: '', detail: 'must be object' }
}

function limitOf({ operationId, security }: Operation): string | undefined {
  const quota = quotaOf(operationId, needsSession(security))
  return quota && usedUp(operationId, quota.own, quota.holder)
}

/** The contract with examples of refusals that the operation can really give; what its route declares is the same for all. */
export function makeExamplesTrue<C extends object>(contract: C): C {
  for (const methods of Object.values((contract as Contract).paths ?? {}))
    for (const [method, operation] of Object.entries(methods))
      for (const said of refusalsShownBy(operation)) {
        const fault = said.code === 'invalid-request' ? faultOf(method, operation) : undefined
        if (fault) Object.assign(said, { detail: `${fault.pointer} ${fault.detail}`.trim(), errors: [fault] })
        if (said.code === 'too-many-requests') said.detail = limitOf(operation) ?? said.detail
      }
  return contract
}

const refusalsShownBy = ({ responses }: Operation): Said[] =>
  Object.values(responses)
    .flatMap(({ content }) => Object.values(content?.['application/problem+json']?.examples ?? {}))
    .map(({ value }) => value)
