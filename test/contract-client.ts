import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import createClient from 'openapi-fetch'
import type { operations as Operations, paths } from '../openapi/types.ts'

type Operation = {
  operationId: string
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { content?: Record<string, { schema: object }>; headers?: Record<string, unknown> }>
}

const contract = JSON.parse(readFileSync(new URL('../openapi/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
  components: object
}

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true })
addFormats.default(ajv)
ajv.addSchema({ $id: 'contract', components: contract.components })

const validators = new Map<object, ValidateFunction>()

/** What checks a value against a schema of the contract. */
export function validatorOf(schema: object): ValidateFunction {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const text = JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/')
  const made = ajv.compile(JSON.parse(text) as object)
  validators.set(schema, made)
  return made
}

const operations = new Map<string, Found>(
  Object.entries(contract.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [operation.operationId, { path, method, operation }] as const)
  )
)
export type OperationId = keyof Operations
export const operationIds = [...operations.keys()] as OperationId[]

export const takesBody = (id: OperationId): boolean => operations.get(id)?.operation.requestBody !== undefined

/** What an operation takes, by the generated types. */
export type Body<Id extends OperationId> = Operations[Id] extends {
  requestBody?: { content: { 'application/json': infer Taken } }
}
  ? Taken
  : never

export type Answer = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects; the contract's check is what types would be
  body: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  problem: any
}

export type CallOptions = {
  headers?: Record<string, string>
  bearer?: string | undefined
  id?: string
  signal?: AbortSignal
}

/** A body that breaks the contract on purpose; it is sent as it is, past the types and past the generated client. */
export const malformed = (body: unknown): never => body as never

/**
 * Calls an operation by its name and holds the answer against the contract; a request that was accepted is held against
 * it too. Throws when either does not match. What the contract allows is sent by the client that is generated from it.
 */
export async function call(
  base: string,
  operationId: string,
  body?: unknown,
  options: CallOptions = {}
): Promise<Answer> {
  const found = operations.get(operationId)
  if (found === undefined) throw new Error(`the contract has no operation ${operationId}`)
  const { operation } = found
  const send = takes(operation, body) ? sendGenerated : sendRaw
  const { response, json } = await send(base, found, body, options)
  const type = typeOf(response)
  holdAnswer(operation, response, type, json)
  if (response.ok) holdRequest(operation, body ?? (operation.requestBody ? {} : undefined))
  return {
    status: response.status,
    headers: response.headers,
    body: json,
    problem: type === 'application/problem+json' ? json : undefined
  }
}

type Found = { path: string; method: string; operation: Operation }
type Sent = { response: Response; json: unknown }

const headersOf = ({ bearer, headers }: CallOptions) => ({
  ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  ...headers
})
const typeOf = (response: Response): string => response.headers.get('content-type')?.split(';')[0] ?? ''

function takes(operation: Operation, body: unknown): boolean {
  const schema = operation.requestBody?.content['application/json']?.schema
  return body === undefined || (schema !== undefined && validatorOf(schema)(body) === true)
}

async function sendGenerated(
  base: string,
  { path, method }: Found,
  body: unknown,
  options: CallOptions
): Promise<Sent> {
  const init = {
    params: { path: { id: options.id ?? '' } },
    headers: headersOf(options),
    ...(body !== undefined && { body }),
    ...(options.signal && { signal: options.signal })
  }
  // The operation is only known when the test runs: the types stand where tests call it, see `Api`.
  const { request } = createClient<paths>({ baseUrl: base })
  const { data, error, response } = await request(method as 'get', path as '/v1/session', init as never)
  const json: unknown = data ?? error ?? null
  return { response, json: typeOf(response).includes('json') ? json : null }
}

async function sendRaw(base: string, { path, method }: Found, body: unknown, options: CallOptions): Promise<Sent> {
  const response = await fetch(base + path.replace('{id}', options.id ?? ''), {
    method: method.toUpperCase(),
    headers: { 'content-type': 'application/json', ...headersOf(options) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(options.signal && { signal: options.signal })
  })
  const text = await response.text()
  return { response, json: typeOf(response).includes('json') ? JSON.parse(text) : null }
}

/** Headers that clients act on: an answer bears none that the contract does not name. */
const telling = [
  'x-request-id',
  'www-authenticate',
  'retry-after',
  'set-cookie',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset'
]
const always: Record<number, string[]> = {
  401: ['x-request-id', 'www-authenticate'],
  429: ['x-request-id', 'retry-after'],
  503: ['x-request-id', 'retry-after']
}

function holdAnswer(operation: Operation, response: Response, type: string, json: unknown): void {
  const where = `${operation.operationId} ${response.status}`
  const declared = operation.responses[response.status]
  if (declared === undefined) throw new Error(`${where} is not in the contract: ${JSON.stringify(json)}`)
  for (const name of always[response.status] ?? ['x-request-id'])
    if (response.headers.get(name) === null) throw new Error(`${where} bears no ${name}`)
  const named = Object.keys(declared.headers ?? {}).map((name) => name.toLowerCase())
  for (const name of telling)
    if (response.headers.has(name) && !named.includes(name))
      throw new Error(`${where} bears ${name}, which is not in the contract`)
  if (declared.content === undefined) return
  const schema = declared.content[type]?.schema
  if (schema === undefined) throw new Error(`${where} answers ${type || 'nothing'}, which is not in the contract`)
  hold(schema, json, where)
}

function holdRequest(operation: Operation, body: unknown): void {
  const schema = operation.requestBody?.content['application/json']?.schema
  if (schema === undefined) return
  hold(schema, typeof body === 'string' ? JSON.parse(body) : body, `${operation.operationId} request`)
}

function hold(schema: object, value: unknown, where: string): void {
  const validate = validatorOf(schema)
  if (!validate(value))
    throw new Error(`${where} breaks the contract: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`)
}
