import Type, { type Static } from 'typebox'
import { DeviceToken, exampleDevice, STORABLE } from '../lib/schema.ts'
import { SessionTransport, Token } from '../session/schema.ts'
import { Email, EmailSuggestion, Locale } from '../user/schema.ts'

const exampleReset = 'rst_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx'
const examplePassword = 'sieben Zwetschgen im Korb'

/** A password that exists: anything that could be one is judged. */
const Password = Type.String({
  minLength: 1,
  maxLength: 2048, // decomposed, the 1,024 bytes that a password may have can be half as many letters again
  ...STORABLE,
  description: 'As typed. Composed and decomposed letters count as the same.',
  examples: [examplePassword]
})

const NewPassword = Type.String({
  ...STORABLE,
  description:
    'At least 15 characters, or what the operator has set, and at most 1,024 bytes. Spaces and all letters are fine.',
  examples: [examplePassword]
})

export const LoginBody = Type.Object(
  {
    email: Email,
    password: Password,
    device_token: Type.Optional(DeviceToken),
    session_transport: Type.Optional(SessionTransport)
  },
  { additionalProperties: false, examples: [{ email: 'maya@example.com', password: examplePassword }] }
)

export const ForgotBody = Type.Object(
  { email: Email, locale: Type.Optional(Locale), device_token: Type.Optional(DeviceToken) },
  { additionalProperties: false, examples: [{ email: 'maya@example.com' }] }
)

export const PasswordResetRequested = Type.Object(
  {
    expires_in: Type.Integer({
      description:
        'Seconds a new link stays valid. If three are live already, the newest is mailed again, and the mail says how long it is still valid.'
    }),
    email_suggestion: Type.Optional(EmailSuggestion)
  },
  { $id: 'PasswordResetRequested', examples: [{ expires_in: 86_400 }] }
)
export type PasswordResetRequested = Static<typeof PasswordResetRequested>

export const InspectBody = Type.Object(
  { token: Token(exampleReset) },
  { additionalProperties: false, examples: [{ token: exampleReset }] }
)

export const PasswordResetLink = Type.Object(
  {
    email_hint: Type.String({ description: 'The address of the account, with all but its first letter hidden.' }),
    expires_at: Type.String({ format: 'date-time', description: 'When the link expires.' })
  },
  {
    $id: 'PasswordResetLink',
    examples: [{ email_hint: 'm•••@example.com', expires_at: '2026-11-23T09:30:00.000Z' }]
  }
)
export type PasswordResetLink = Static<typeof PasswordResetLink>

export const ResetBody = Type.Object(
  { token: Token(exampleReset), password: NewPassword },
  { additionalProperties: false, examples: [{ token: exampleReset, password: examplePassword }] }
)

export const PasswordReset = Type.Object(
  {
    sessions_ended: Type.Integer({ minimum: 0, description: 'Sessions that were open until now.' }),
    device_token: Type.String({
      description:
        'Identifies this device from now on, so that the login with the new password works whatever strangers have used up.'
    })
  },
  {
    $id: 'PasswordReset',
    examples: [{ sessions_ended: 2, device_token: exampleDevice }]
  }
)
export type PasswordReset = Static<typeof PasswordReset>

export const ChangePasswordBody = Type.Object(
  { current_password: Type.Optional(Password), password: NewPassword },
  {
    additionalProperties: false,
    examples: [{ current_password: 'sechs Zwetschgen im Korb', password: examplePassword }]
  }
)
