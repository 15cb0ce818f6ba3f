import Type from 'typebox'
import { exampleChallenge } from '../challenge/schema.ts'
import { Token } from '../session/schema.ts'
import { Locale } from '../user/schema.ts'

/** No NUL, no control characters, no lone surrogates: Postgres refuses the first and mangles the last. */
const PRINTABLE = '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$'

export const Email = Type.String({
  minLength: 3,
  maxLength: 320,
  pattern: PRINTABLE,
  description: 'An address as a person types it; spaces around it are ignored.',
  examples: ['maya@example.com']
})

export const RequestOtpBody = Type.Object(
  { email: Email, locale: Type.Optional(Locale) },
  { additionalProperties: false, examples: [{ email: 'maya@example.com' }] }
)

export const ResendOtpBody = Type.Object(
  { challenge: Token(exampleChallenge) },
  { additionalProperties: false, examples: [{ challenge: exampleChallenge }] }
)

export const VerifyOtpBody = Type.Object(
  {
    challenge: Token(exampleChallenge),
    code: Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'As typed or pasted: white space, dashes and small letters are understood.',
      examples: ['143 085']
    })
  },
  { additionalProperties: false, examples: [{ challenge: exampleChallenge, code: '143085' }] }
)

export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
      description:
        'A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was.',
      examples: ['5b0f3c1e-8f5a-4a57-9d1b-3f6a7c2e9d10']
    })
  )
})
