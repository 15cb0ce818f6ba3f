import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Challenge } from '../challenge/schema.ts'
import type { Context } from '../context.ts'
import { named } from '../lib/schema.ts'
import { Problem } from '../problems.ts'
import { bodyRefusals, clientOf } from '../routing.ts'
import { authenticate } from '../session/authenticate.ts'
import { Session } from '../session/schema.ts'
import { requestCode } from './request-code.ts'
import { resendCode } from './resend-code.ts'
import { IdempotencyHeaders, RequestOtpBody, ResendOtpBody, VerifyOtpBody } from './schema.ts'
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
          'The answer is the same whether or not the address has an account. Keep `challenge`: only together with it the code is worth something, so nobody else can guess it or use it up.',
        headers: IdempotencyHeaders,
        body: RequestOtpBody,
        response: {
          202: named(Challenge, 'The code is on its way, if a mail can reach the address.'),
          ...bodyRefusals('too-many-requests')
        }
      }
    },
    async (request, reply) => {
      const { email, locale } = request.body
      const acceptLanguage = request.headers['accept-language']
      const idempotencyKey = request.headers['idempotency-key']
      reply.code(202)
      return await requestCode(ctx, { email, locale, acceptLanguage, idempotencyKey }, clientOf(request))
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
          'The code, its end and the tries that are left stay what they are. Before `resend_in` has passed, or without resends left, the answer is 429.',
        body: ResendOtpBody,
        response: {
          202: named(Challenge, 'The same code is on its way again.'),
          ...bodyRefusals('code-rejected', 'too-many-requests')
        }
      }
    },
    async (request, reply) => {
      reply.code(202)
      return await resendCode(ctx, request.body.challenge)
    }
  )

  app.post(
    '/otp/verify',
    {
      schema: {
        operationId: 'verifyOtp',
        tags,
        summary: 'Trade a mailed code for a session',
        description:
          'Each wrong code costs a try. With a bearer token of the same account the existing session is renewed (`authenticated_at`) instead of opening another, and the answer has no refresh token.',
        headers: IdempotencyHeaders,
        body: VerifyOtpBody,
        security: [{}, { bearer: [] }],
        response: { 200: named(Session, 'Signed in.'), ...bodyRefusals('code-rejected', 'too-many-requests') }
      }
    },
    async (request) => {
      const { challenge, code } = request.body
      const { authorization } = request.headers
      const session = authorization ? await authenticate(ctx, authorization).catch(unlessRejected) : undefined
      const attempt = { challenge, code, session, idempotencyKey: request.headers['idempotency-key'] }
      return await verifyCode(ctx, attempt, clientOf(request))
    }
  )
}

/** A bearer that has run out is no hindrance to signing in again; an outage is. */
function unlessRejected(error: unknown): undefined {
  if (!(error instanceof Problem)) throw error
}
