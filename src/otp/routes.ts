import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Challenge } from '../challenge/schema.ts'
import type { Context } from '../context.ts'
import { IdempotencyHeaders, named } from '../lib/schema.ts'
import { requireTransport, sendSession, sessionSent } from '../refresh-cookie.ts'
import { BEARER_RENEWS, bodyRefusals, callersSession, clientOf, idempotencyKeyOf } from '../routing.ts'
import { requestCode } from './request-code.ts'
import { resendCode } from './resend-code.ts'
import { RequestOtpBody, ResendOtpBody, VerifyOtpBody } from './schema.ts'
import { verifyCode } from './verify-code.ts'

const tags = ['Sign in with a code']

export const otpRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.post(
    '/otp',
    {
      schema: {
        operationId: 'requestOtp',
        tags,
        summary: 'Mail a code to an address',
        description:
          'The answer is the same whether or not the address has an account. Keep `challenge`: the code works only together with it, so nobody else can guess it or use it up.',
        headers: IdempotencyHeaders,
        body: RequestOtpBody,
        response: {
          202: named(Challenge, 'The code is on its way, if a mail can reach the address.'),
          ...bodyRefusals()
        }
      }
    },
    async (request, reply) => {
      const { email, locale, device_token: deviceToken } = request.body
      const acceptLanguage = request.headers['accept-language']
      const idempotencyKey = idempotencyKeyOf(request)
      reply.code(202)
      return await requestCode(ctx, { email, locale, deviceToken, acceptLanguage, idempotencyKey }, clientOf(request))
    }
  )

  app.post(
    '/otp/resend',
    {
      schema: {
        operationId: 'resendOtp',
        tags,
        summary: 'Mail the same code again',
        description:
          'The code, its expiry and the tries left stay the same. Before `resend_in` has passed, or with no resends left, the answer is 429. At `resends_left: 0` do not wait for `Retry-After`, which is the end of the code: ask for a new one.',
        body: ResendOtpBody,
        response: {
          202: named(Challenge, 'The same code is on its way again.'),
          ...bodyRefusals('code-rejected')
        }
      }
    },
    async (request, reply) => {
      reply.code(202)
      return await resendCode(ctx, request.body.challenge, clientOf(request))
    }
  )

  app.post(
    '/otp/verify',
    {
      schema: {
        operationId: 'verifyOtp',
        tags,
        summary: 'Trade a mailed code for a session',
        description: `Each wrong code costs a try. ${BEARER_RENEWS}`,
        headers: IdempotencyHeaders,
        body: VerifyOtpBody,
        security: [{}, { bearer: [] }],
        response: {
          200: sessionSent('Signed in.'),
          ...bodyRefusals('code-rejected', 'origin-rejected')
        }
      }
    },
    async (request, reply) => {
      const { challenge, code, session_transport: transport } = request.body
      requireTransport(ctx, request, transport)
      const session = await callersSession(ctx, request)
      const attempt = { challenge, code, session, idempotencyKey: idempotencyKeyOf(request) }
      return sendSession(reply, await verifyCode(ctx, attempt, clientOf(request)), transport)
    }
  )
}
