import cookie from '@fastify/cookie'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { isProduction } from '../config.ts'
import type { Context } from '../context.ts'
import { deviceRoutes } from '../device/routes.ts'
import { keyRoutes } from '../keys/routes.ts'
import { newId } from '../lib/identifier.ts'
import { inRanges } from '../lib/network.ts'
import { wellFormed } from '../lib/schema.ts'
import type { SharedCounts } from '../limit/shared-counts.ts'
import type { DevInbox } from '../mail/dev-inbox.ts'
import type { Observe } from '../metrics/metrics.ts'
import { otpRoutes } from '../otp/routes.ts'
import { passwordRoutes } from '../password/routes.ts'
import { sessionRoutes } from '../session/routes.ts'
import { userRoutes } from '../user/routes.ts'
import { markAnswers, measureAnswers } from './answer-hooks.ts'
import { AnswerLog } from './answer-log.ts'
import { answerBrokenConnections, answerOddRequests } from './broken-connection.ts'
import { changePasswordRoute } from './change-password.ts'
import { noteClientAddresses } from './client-address.ts'
import { closeGently } from './closing.ts'
import { buildSerializer, buildValidator } from './compiling.ts'
import { namedSchemas } from './contract-schemas.ts'
import { answerListedOrigins } from './cors.ts'
import { demoIsHere, demoRoutes } from './demo.ts'
import { devRoutes } from './dev.ts'
import { describeContract, docRoutes } from './docs.ts'
import { errorHandler } from './errors.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { ROUTER_OPTIONS, refuseUnknown } from './methods.ts'
import { problemPages } from './pages.ts'
import { parseStrictly } from './parsing.ts'
import { limitClients } from './quotas.ts'
import { makeServer } from './server.ts'

type AppOptions = {
  /** Looks at everything the service needs. */
  ready: () => Promise<Readiness>
  /** Present only outside production, and only without a mail server. */
  inbox: DevInbox | undefined
  /** Where all instances count client quotas together. */
  shared?: SharedCounts | undefined
  /** Whether clients should use another instance from now on. */
  draining?: () => boolean
  /** Takes note of each answer, where metrics are wanted. */
  observe?: Observe | undefined
}

const BODY_LIMIT_BYTES = 16 * 1024

/** The HTTP face of the service: one register line a feature. */
export async function buildApp(
  ctx: Context,
  { ready, inbox, shared, draining = () => false, observe }: AppOptions
): Promise<FastifyInstance> {
  const answers = new AnswerLog(ctx.log, draining)
  const handleError = errorHandler(answers)
  const app: FastifyInstance = Fastify({
    loggerInstance: ctx.log as FastifyBaseLogger,
    genReqId: newId,
    requestIdHeader: false, // an incoming id is logged, never used: the client chooses it
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: makeServer,
    return503OnClosing: false, // an accepted connection is served; the framework's own 503 is not one of our problems
    trustProxy: ctx.config.TRUSTED_PROXIES.length > 0 ? inRanges(ctx.config.TRUSTED_PROXIES) : false,
    routerOptions: ROUTER_OPTIONS,
    schemaController: { compilersFactory: { buildSerializer, buildValidator } },
    ajv: {
      // The tests hold our schemas against JSON Schema; a start need not compile its meta schema to do so again.
      customOptions: {
        keywords: [wellFormed],
        validateSchema: false,
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false
      }
    },
    clientErrorHandler: answerBrokenConnections(answers, observe),
    frameworkErrors: (error, request, reply) => {
      markAnswers(request, reply)
      handleError(error, request, reply)
      answers.answered(request, reply) // no hook of ours runs for these
      observe?.(undefined, reply.statusCode, 0)
    }
  }).withTypeProvider<TypeBoxTypeProvider>()

  for (const schema of namedSchemas) app.addSchema(schema)
  app.decorateRequest('liveSession', null)
  app.decorateRequest('claims', null)
  app.decorateRequest('refusedWith', null)
  app.decorateRequest('limitedBy', null)
  app.setErrorHandler(handleError)
  app.addHook('onRequest', (request, reply, done) => {
    markAnswers(request, reply)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    answers.answered(request, reply)
    done()
  })
  app.addHook('onClose', () => answers.tell())
  if (observe !== undefined) app.addHook('onResponse', measureAnswers(observe))
  answerOddRequests(app)
  closeGently(app, draining, ctx.passwords)
  parseStrictly(app)
  await app.register(cookie, { hook: false }) // a few operations read it, and they ask for it
  await answerListedOrigins(app, ctx.config.CORS_ORIGINS)
  refuseUnknown(app)
  await describeContract(app)
  noteClientAddresses(app, ctx)
  await limitClients(app, ctx, shared)

  await app.register(otpRoutes, { ctx, prefix: '/v1' })
  await app.register(passwordRoutes, { ctx, prefix: '/v1' })
  await app.register(sessionRoutes, { ctx, prefix: '/v1' })
  await app.register(userRoutes, { ctx, prefix: '/v1' })
  await app.register(deviceRoutes, { ctx, prefix: '/v1' })
  await app.register(keyRoutes, { ctx })
  await app.register(healthRoutes, { ready })
  await app.register(problemPages)
  await app.register(docRoutes)
  if (ctx.config.CHANGE_PASSWORD_URL) await app.register(changePasswordRoute, { page: ctx.config.CHANGE_PASSWORD_URL })
  if (inbox !== undefined) await app.register(devRoutes, { inbox, publicUrl: ctx.config.PUBLIC_URL })
  if (!isProduction(ctx.config) && demoIsHere()) await app.register(demoRoutes, { brand: ctx.config.BRAND_NAME })

  return app
}
