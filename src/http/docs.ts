import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { REFRESH_COOKIE } from '../refresh-cookie.ts'
import { CONTENT_TYPES } from './content-types.ts'
import { freeEmptyBodies } from './contract-bodies.ts'
import { makeExamplesTrue } from './contract-examples.ts'
import { declareHeaders } from './contract-headers.ts'
import { sendProblem } from './errors.ts'

const DESCRIPTION = `Headless authentication: your screens, our codes and sessions.

Ask for a code at \`POST /v1/otp\`, trade it at \`POST /v1/otp/verify\`, send the access token as \`Authorization: Bearer …\`,
and refresh it at \`POST /v1/session/refresh\`. Refusals are \`application/problem+json\` (RFC 9457): switch on \`code\`, and
treat one you do not know by its status. 503 is never a sign-out: wait \`Retry-After\` seconds and send the same again.
Clients ignore members they do not know; within /v1 only optional members are added. In a request an optional member that is
\`null\` counts as absent, but for a \`refresh_token\` and in a PATCH.`

/** This origin only; `unsafe-inline` for styles, because the page sets styles on its elements. */
const DOCS_CSP =
  "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** On a phone: what a tag says under its name instead of beside it in a column of one letter, and nothing wider than the screen. */
const NARROW = `
@media (max-width: 40rem) {
  .swagger-ui .opblock-tag { flex-wrap: wrap }
  .swagger-ui .opblock-tag small { flex-basis: 100%; padding: 0 }
  .swagger-ui .opblock-summary-path { max-width: 100% }
  .swagger-ui .opblock-body, .swagger-ui .wrapper { overflow-x: auto }
}`

const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'

/** The files of the page's library. */
const FILES = new URL('./static/', import.meta.resolve('@fastify/swagger-ui'))

/** Reads each file once for all answers: an answer of its own for everybody would hold memory and a file until it is read. */
function filesOfPage(): (name: string) => { type: string; content: Buffer } | undefined {
  const names = new Set(readdirSync(FILES))
  const read = new Map<string, Buffer>()
  return (name) => {
    const type = CONTENT_TYPES[extname(name)]
    if (type === undefined || !names.has(name)) return undefined
    const content = read.get(name) ?? readFileSync(new URL(name, FILES))
    read.set(name, content)
    return { type, content }
  }
}

/** Where the page's library would generate the contract for each request. */
const OWN_COPY = /^\/docs\/(json|yaml)$/

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The contract, generated from the routes; register it before them. */
export async function describeContract(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postern',
        version,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: '/', description: 'Where this document was fetched from.' }],
      tags: [
        { name: 'Sign in with a code', description: 'A code by mail, bound to the client that asked for it.' },
        { name: 'Passwords', description: 'Sign-in with a password, and mailed links to set a new one.' },
        { name: 'Sessions', description: 'Short-lived access tokens, refresh tokens that survive lost replies.' },
        { name: 'Account', description: 'What the person behind the session may see and change.' },
        { name: 'Devices', description: 'Devices that have signed in before, and have limits of their own.' },
        { name: 'Operation', description: 'For load balancers and process managers.' }
      ],
      security: [], // what needs a token says so itself
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The access token of a session.'
          },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: REFRESH_COOKIE,
            description:
              'The refresh token of a session that was opened with `session_transport: "cookie"`. It is only accepted from allowed origins.'
          }
        }
      }
    },
    transformObject: (made) =>
      makeExamplesTrue(
        freeEmptyBodies(declareHeaders('openapiObject' in made ? made.openapiObject : made.swaggerObject))
      ),
    refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`) }
  })
}

/** The contract as a file, and a page to read and try it, served from here alone. */
export const docRoutes: FastifyPluginAsync = async (app) => {
  // Made once for all answers, so that repeated requests cost neither time nor memory.
  let contract: Buffer | undefined
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    contract ??= Buffer.from(JSON.stringify(app.swagger()))
    return reply.type('application/json; charset=utf-8').header('cache-control', 'public, max-age=300').send(contract)
  })
  // The page's library does not say it, and a phone would show the page as on a desk, in letters too small to read.
  app.addHook('onSend', async (_request, reply, payload) =>
    typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
      ? payload.replace('<head>', `<head>${VIEWPORT}`)
      : payload
  )
  const fileOf = filesOfPage()
  app.addHook('onRoute', (route) => {
    if (route.url !== '/docs/static/*') return
    route.handler = async (request, reply) => {
      const file = fileOf((request.params as { '*': string })['*'])
      if (file === undefined) return sendProblem(request, reply, 'not-found')
      return reply.type(file.type).header('cache-control', 'public, max-age=300').send(file.content)
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiHooks: {
      onRequest: async (request, reply) => {
        if (OWN_COPY.test(request.routeOptions.url ?? '')) return reply.redirect('../openapi.json')
      }
    },
    uiConfig: { layout: 'BaseLayout', deepLinking: true, tryItOutEnabled: false, displayRequestDuration: true },
    staticCSP: DOCS_CSP,
    theme: { title: 'Postern: reference', css: [{ filename: 'narrow.css', content: NARROW }] }
  })
}
