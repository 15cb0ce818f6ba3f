import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Context } from '../context.ts'
import { named } from '../lib/schema.ts'
import { refusals } from '../routing.ts'
import { JWKS_MAX_AGE } from './rotate.ts'

export const Jwk = Type.Object(
  {
    kty: Type.Literal('EC'),
    crv: Type.Literal('P-256'),
    x: Type.String(),
    y: Type.String(),
    kid: Type.String(),
    alg: Type.String(),
    use: Type.Literal('sig')
  },
  { $id: 'Jwk' }
)

export const JwkSet = Type.Object(
  { keys: Type.Array(named(Jwk)) },
  {
    $id: 'JwkSet',
    examples: [
      {
        keys: [
          {
            kty: 'EC',
            crv: 'P-256',
            x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
            y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
            kid: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U',
            alg: 'ES256',
            use: 'sig'
          }
        ]
      }
    ]
  }
)

export const keyRoutes: FastifyPluginAsyncTypebox<{ ctx: Context }> = async (app, { ctx }) => {
  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        operationId: 'getJwks',
        tags: ['Sessions'],
        summary: 'The keys that access tokens are signed with',
        description: `For services that check access tokens themselves. Keep it for ${JWKS_MAX_AGE} seconds; a new key is published here that long before it signs.`,
        response: { 200: named(JwkSet, 'A JWK set (RFC 7517).'), ...refusals() }
      }
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE}`)
      return await ctx.signing.publish()
    }
  )
}
