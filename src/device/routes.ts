import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { IdParams, named } from '../lib/schema.ts'
import { bearer, bodyRefusals, clientOf, NoContent, refusals, requireSession, sessionOf } from '../routing.ts'
import { forgetDevice, listDevices } from './own-devices.ts'
import { DeviceList } from './schema.ts'

const tags = ['Devices']

export const deviceRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.addHook('onRequest', requireSession(ctx))

  app.get(
    '/me/devices',
    {
      schema: {
        operationId: 'listDevices',
        tags,
        summary: 'List the trusted devices',
        description:
          'Devices that have signed in to this account and hold a `device_token`, most recently used first. What strangers do with the address does not affect their limits.',
        security: bearer,
        response: { 200: named(DeviceList, 'The trusted devices.'), ...refusals('session-rejected') }
      }
    },
    (request) => listDevices(ctx, sessionOf(request))
  )

  app.delete(
    '/me/devices/:id',
    {
      schema: {
        operationId: 'forgetDevice',
        tags,
        summary: 'Forget a trusted device',
        description:
          'Its `device_token` is void from now on. Its sessions stay open; end them through the list of sessions. Somebody else’s device is answered like one that does not exist.',
        security: bearer,
        params: IdParams('From the list of devices.'),
        response: { 204: NoContent, ...bodyRefusals('session-rejected', 'not-found') }
      }
    },
    async (request, reply) => {
      await forgetDevice(ctx, sessionOf(request), request.params.id, clientOf(request))
      return reply.code(204).send(null)
    }
  )
}
