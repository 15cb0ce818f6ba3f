import { readFileSync } from 'node:fs'
import createClient from 'openapi-fetch'
import t from 'tap'
import type { paths } from '../openapi/types.ts'
import { contractText } from '../src/cli/openapi.ts'
import { passwordReasons, problems } from '../src/problems.ts'
import { validatorOf } from './contract-client.ts'
import { start } from './helper.ts'

const committed = readFileSync(new URL('../openapi/openapi.json', import.meta.url), 'utf8')
const contract = JSON.parse(committed) as {
  openapi: string
  info: { version: string }
  // biome-ignore lint/suspicious/noExplicitAny: the walk below reads what it looks for
  paths: Record<string, Record<string, any>>
  components: { schemas: Record<string, Shown> }
}
type Shown = { $ref?: string; example?: unknown; examples?: unknown[] }
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation }))
)

t.test('the committed contract is what the routes declare', async (t) => {
  const declared = await contractText()

  t.equal(committed, declared, 'npm run openapi, then commit')
})

t.test('the contract is OpenAPI 3.1 and has the operations that clients were promised', async (t) => {
  const promised = `POST /v1/otp requestOtp
POST /v1/otp/resend resendOtp
POST /v1/otp/verify verifyOtp
POST /v1/login loginWithPassword
POST /v1/password/forgot requestPasswordReset
POST /v1/password/reset/inspect inspectPasswordReset
POST /v1/password/reset resetPassword
PUT /v1/me/password changePassword
DELETE /v1/me deleteMe
POST /v1/session/refresh refreshSession
POST /v1/session/logout logout
GET /v1/session getSession
GET /v1/me getMe
PATCH /v1/me updateMe
GET /v1/me/sessions listSessions
DELETE /v1/me/sessions endOtherSessions
DELETE /v1/me/sessions/{id} endSession
GET /v1/me/devices listDevices
DELETE /v1/me/devices/{id} forgetDevice
GET /.well-known/jwks.json getJwks
GET /livez getLiveness
GET /readyz getReadiness`.split('\n')

  t.match(contract.openapi, /^3\.1\./)
  t.strictSame(
    operations.map(({ path, method, operationId }) => `${method.toUpperCase()} ${path} ${operationId}`).sort(),
    promised.sort()
  )
})

t.test('every operation says what it does, shows an example, and names every answer', async (t) => {
  for (const operation of operations) {
    const where = operation.operationId as string

    t.ok(operation.summary && operation.description && operation.tags?.length === 1, `${where} is described`)
    for (const [status, answer] of Object.entries<{ description: string; content?: object }>(operation.responses)) {
      t.not(answer.description, 'Default Response', `${where} ${status} is described`)
      if (Number(status) >= 400 && !answer.description.startsWith('Not ready'))
        t.match(
          answer.content,
          { 'application/problem+json': { examples: Object } },
          `${where} ${status} shows a refusal`
        )
    }
    if (operation.requestBody)
      t.ok(operation.requestBody.content['application/json'].example, `${where} shows a request`)
  }
})

t.test(
  'every success shows what comes, as the contract has it, and the ones without content come without',
  async (t) => {
    const shownBy = (schema: Shown): unknown[] => {
      const named = contract.components.schemas[schema.$ref?.split('/').at(-1) ?? '']
      return [schema.example, ...(schema.examples ?? []), ...(named === undefined ? [] : shownBy(named))]
    }

    for (const { operationId, responses } of operations) {
      const successes = Object.entries<{ content?: Record<string, Shown & { schema: Shown }> }>(responses).filter(
        ([status]) => status.startsWith('2')
      )
      t.equal(successes.length, 1, `${operationId} succeeds in one way`)
      for (const [status, { content }] of successes) {
        t.equal(content === undefined, status === '204', `${operationId} ${status}`)
        for (const { schema, example } of Object.values(content ?? {})) {
          const examples = [example, ...shownBy(schema)].filter((one) => one !== undefined)
          t.ok(examples.length > 0, `${operationId} ${status} shows an answer`)
          for (const one of examples) t.ok(validatorOf(schema)(one), `${operationId} ${status} shows a true one`)
        }
      }
    }
  }
)

t.test('what a refusal shows is something that the operation can answer, once for each reason', async (t) => {
  for (const { operationId, requestBody, parameters = [], responses } of operations) {
    const shown = (status: number) =>
      Object.values<{ value: { detail: string; reason?: string; errors: { pointer: string }[] } }>(
        responses[status]?.content['application/problem+json']?.examples ?? {}
      ).map(({ value }) => value)
    const places = [
      '',
      ...Object.keys(requestBody?.content['application/json'].schema.properties ?? {}).map((name) => `/${name}`),
      ...parameters.map((parameter: { name: string }) => `/params/${parameter.name}`)
    ]

    for (const { errors } of shown(400))
      for (const { pointer } of errors) t.ok(places.includes(pointer), `${operationId} has ${pointer}`)
    for (const { detail } of shown(429)) t.match(detail, operationId)
    if (responses[422])
      t.strictSame(
        shown(422).map(({ reason }) => reason),
        passwordReasons
      )
  }
  const { responses } = operations.find(({ operationId }) => operationId === 'getReadiness') as never as {
    responses: Record<string, { content: Record<string, { example: { status: string } }> }>
  }
  t.equal(responses['503']?.content['application/json']?.example.status, 'not-ready')
})

t.test('every operation says what HTTP itself may be answered, and every answer which headers it bears', async (t) => {
  for (const { operationId, responses } of operations) {
    for (const status of [400, 408, 431, 500]) t.ok(responses[status], `${operationId} ${status}`)
    for (const [status, { headers }] of Object.entries<{ headers: object }>(responses)) {
      const names = Object.keys(headers)
      t.ok(names.includes('X-Request-Id'), `${operationId} ${status}`)
      t.equal(names.includes('WWW-Authenticate'), status === '401', `${operationId} ${status}`)
      t.equal(names.includes('Retry-After'), status === '429' || status === '503', `${operationId} ${status}`)
    }
  }
  const quota = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']
  const toldOf = (id: string): string[] => {
    const { responses } = operations.find(({ operationId }) => operationId === id) as { responses: object }
    return Object.entries<{ headers: object }>(responses as never)
      .filter(([, { headers }]) => quota.every((name) => name in headers))
      .map(([status]) => status)
  }
  t.strictSame(toldOf('requestOtp'), ['202', '400', '413', '415', '429', '500', '503'])
  t.strictSame(toldOf('getSession'), ['401', '429'])
  t.strictSame(toldOf('refreshSession'), ['400', '401', '403', '429', '503'])
  t.strictSame(toldOf('getLiveness'), [])
})

t.test('the contract has the version of the release', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

  t.equal(contract.info.version, version)
})

t.test('whoever asks with a body is told what else may come back: 400, 413, 415, 500 and 503', async (t) => {
  for (const operation of operations.filter(({ requestBody }) => requestBody)) {
    for (const status of [400, 413, 415, 500, 503])
      t.ok(operation.responses[status], `${operation.operationId} ${status}`)
  }
})

t.test(
  'no body holds a list or an object, nor many members: bodies that do are refused without a closer look',
  async (t) => {
    for (const { requestBody } of operations.filter((operation) => operation.requestBody)) {
      const { properties } = requestBody.content['application/json'].schema
      t.ok(Object.keys(properties).length <= 10)
      t.notMatch(JSON.stringify(properties), /"(type":"(object|array)|\$ref)"/)
    }
  }
)

t.test('what needs no body may be asked without one, also by the generated types', async (t) => {
  const { url } = await start(t)
  const api = createClient<paths>({ baseUrl: url })

  const answers = [await api.POST('/v1/session/logout'), await api.POST('/v1/session/refresh')]

  t.strictSame(
    answers.map(({ error }) => error?.code),
    ['session-rejected', 'refresh-rejected'],
    'there is no session, and the body is not what is wrong'
  )
  t.strictSame(
    operations.filter(({ requestBody }) => requestBody?.required === false).map(({ operationId }) => operationId),
    ['refreshSession', 'logout']
  )
})

t.test('a refusal of the catalogue has a status that HTTP knows, and 401s have a scheme', async (t) => {
  for (const [code, { status, scheme, help }] of Object.entries(problems)) {
    t.ok(status >= 400 && status < 600 && help.length > 0, code)
    t.equal(scheme !== undefined, status === 401, `${code} has a scheme exactly when it is a 401`)
  }
})
