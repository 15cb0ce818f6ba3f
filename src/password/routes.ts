import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { IdempotencyHeaders, named } from '../lib/schema.ts'
import { requireTransport, sendSession, sessionSent } from '../refresh-cookie.ts'
import {
  BEARER_RENEWS,
  bearer,
  bodyRefusals,
  callersSession,
  clientOf,
  idempotencyKeyOf,
  requireRecentSignIn,
  requireSession,
  sessionOf
} from '../routing.ts'
import { SessionsEnded } from '../session/schema.ts'
import { changePassword } from './change-password.ts'
import { login } from './login.ts'
import { requestReset } from './request-reset.ts'
import { inspectReset, resetPassword } from './reset-password.ts'
import {
  ChangePasswordBody,
  ForgotBody,
  InspectBody,
  LoginBody,
  PasswordReset,
  PasswordResetLink,
  PasswordResetRequested,
  ResetBody
} from './schema.ts'

const tags = ['Passwords']

export const passwordRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.post(
    '/login',
    {
      schema: {
        operationId: 'loginWithPassword',
        tags,
        summary: 'Sign in with a password',
        description: `An unknown address, an account without a password and a wrong password get the same answer. After ten wrong passwords from strangers, every stranger is asked for a mailed code as well, whether the password is right or wrong (\`code-required\`): \`next.challenge\` is an object like the answer of /v1/otp; continue with \`next.challenge.challenge\` at /v1/otp/verify. Nobody is locked out; a device that sends its \`device_token\` does not notice. ${BEARER_RENEWS}`,
        security: [{}, { bearer: [] }],
        body: LoginBody,
        response: {
          200: sessionSent('Signed in.'),
          ...bodyRefusals('credentials-rejected', 'code-required', 'origin-rejected')
        }
      }
    },
    async (request, reply) => {
      const { email, password, device_token: deviceToken, session_transport: transport } = request.body
      const acceptLanguage = request.headers['accept-language']
      requireTransport(ctx, request, transport)
      const session = await callersSession(ctx, request)
      return sendSession(
        reply,
        await login(ctx, { email, password, acceptLanguage, deviceToken, session }, clientOf(request)),
        transport
      )
    }
  )

  app.post(
    '/password/forgot',
    {
      schema: {
        operationId: 'requestPasswordReset',
        tags,
        summary: 'Mail a link to a new password',
        description:
          'The answer is the same whether or not the address has an account. The link leads to the page that the operator has set, with the token after `#token=`. Up to three links are live at once; after that the newest is mailed again.',
        headers: IdempotencyHeaders,
        body: ForgotBody,
        response: {
          202: named(PasswordResetRequested, 'The link is on its way, if there is an account.'),
          ...bodyRefusals()
        }
      }
    },
    async (request, reply) => {
      const { email, locale, device_token: deviceToken } = request.body
      const acceptLanguage = request.headers['accept-language']
      const idempotencyKey = idempotencyKeyOf(request)
      reply.code(202)
      return await requestReset(ctx, { email, locale, deviceToken, acceptLanguage, idempotencyKey }, clientOf(request))
    }
  )

  app.post(
    '/password/reset/inspect',
    {
      schema: {
        operationId: 'inspectPasswordReset',
        tags,
        summary: 'Look at a link without using it',
        description: 'Says whose password the link sets, and until when. Looking does not use the link up.',
        body: InspectBody,
        response: { 200: named(PasswordResetLink, 'The link is valid.'), ...bodyRefusals('reset-rejected') }
      }
    },
    (request) => inspectReset(ctx, request.body.token)
  )

  app.post(
    '/password/reset',
    {
      schema: {
        operationId: 'resetPassword',
        tags,
        summary: 'Set a new password by a mailed link',
        description:
          'Ends every session, every other link and every open code of the account, and the trust in every other device and network. A refused password does not use up the link. Nobody is signed in by this: let the person log in with the new password.',
        headers: IdempotencyHeaders,
        body: ResetBody,
        response: {
          200: named(PasswordReset, 'The password is set, and all sessions have ended.'),
          ...bodyRefusals('reset-rejected', 'password-refused')
        }
      }
    },
    (request) => resetPassword(ctx, { ...request.body, idempotencyKey: idempotencyKeyOf(request) }, clientOf(request))
  )

  await app.register(protectedRoutes, { ctx })
}

const protectedRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.addHook('onRequest', requireSession(ctx))

  app.put(
    '/me/password',
    {
      preHandler: requireRecentSignIn(ctx),
      schema: {
        operationId: 'changePassword',
        tags,
        summary: 'Set or change the password of the account',
        description:
          'Requires a sign-in within the last five minutes, and `current_password` when the account has one. After ten wrong ones it requires a new sign-in (`step-up-required`), whatever is given. The calling session continues and its device stays trusted; all others end. An account may make thirty changes in a row and then one in eight hours (`too-many-requests`); changes by a mailed link do not count.',
        security: bearer,
        body: ChangePasswordBody,
        response: {
          200: named(SessionsEnded, 'How many sessions were ended.'),
          ...bodyRefusals(
            'session-rejected',
            'credentials-rejected',
            'step-up-required',
            'test-session',
            'password-refused'
          )
        }
      }
    },
    (request) => {
      const { current_password: current, password } = request.body
      return changePassword(ctx, { current, password, session: sessionOf(request) }, clientOf(request))
    }
  )
}
