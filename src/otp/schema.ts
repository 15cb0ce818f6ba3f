import Type from 'typebox'
import { exampleChallenge } from '../challenge/schema.ts'
import { DeviceToken } from '../lib/schema.ts'
import { SessionTransport, Token } from '../session/schema.ts'
import { Email, Locale } from '../user/schema.ts'

export const RequestOtpBody = Type.Object(
  { email: Email, locale: Type.Optional(Locale), device_token: Type.Optional(DeviceToken) },
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
      description: 'As typed or pasted: white space, dashes and lower case are fine.',
      examples: ['143 085']
    }),
    session_transport: Type.Optional(SessionTransport)
  },
  { additionalProperties: false, examples: [{ challenge: exampleChallenge, code: '143085' }] }
)
