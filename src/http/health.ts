import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import { named, OneOf } from '../lib/schema.ts'
import { strayRefusals } from '../routing.ts'
import { RETRY_AFTER } from './errors.ts'

export const ReadinessCheck = Type.Object(
  { ok: Type.Boolean(), detail: Type.Optional(Type.String()) },
  { $id: 'ReadinessCheck' }
)
export const Readiness = Type.Object(
  { status: OneOf(['ready', 'not-ready']), checks: Type.Record(Type.String(), named(ReadinessCheck)) },
  {
    $id: 'Readiness',
    examples: [
      {
        status: 'ready',
        checks: { database: { ok: true }, migrations: { ok: true }, keys: { ok: true }, mail: { ok: true } }
      }
    ]
  }
)
export type Readiness = Static<typeof Readiness>

/** What is said while the database is out of reach: of itself, and of what only it could tell. */
export const OUT_OF_REACH = { ok: false, detail: 'out of reach' }
export const UNKNOWN = { ok: false, detail: 'unknown: the database is out of reach' }

const exampleOutage: Readiness = {
  status: 'not-ready',
  checks: { database: OUT_OF_REACH, migrations: UNKNOWN, keys: UNKNOWN, mail: UNKNOWN }
}

export const Liveness = Type.Object(
  { status: Type.Literal('alive') },
  { $id: 'Liveness', examples: [{ status: 'alive' }] }
)

/** @param ready looks at everything the service needs; never throws */
export const healthRoutes: FastifyPluginAsyncTypebox<{ ready: () => Promise<Readiness> }> = async (app, { ready }) => {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        tags: ['Operation'],
        summary: 'Whether the process is alive',
        description: 'Restart the process when this does not answer. It looks at nothing outside the process.',
        response: { 200: named(Liveness, 'The process answers.'), ...strayRefusals() }
      }
    },
    async () => ({ status: 'alive' as const })
  )

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['Operation'],
        summary: 'Whether to send requests here',
        description:
          'Looks at the database, the migrations, the keys and the mail queue. Take the instance out of the load balancer while this is 503; do not restart it.',
        response: {
          200: named(Readiness, 'Ready: everything the service needs is available.'),
          503: {
            description: 'Not ready; `checks` says why.',
            content: { 'application/json': { schema: named(Readiness), example: exampleOutage } }
          },
          ...strayRefusals()
        }
      }
    },
    async (_request, reply) => {
      const readiness = await ready()
      if (readiness.status !== 'ready') reply.code(503).header('retry-after', RETRY_AFTER)
      return readiness
    }
  )
}
