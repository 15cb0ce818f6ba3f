import Type, { type Static } from 'typebox'
import { LANGUAGE_TAG, STORABLE } from '../lib/schema.ts'

export const Email = Type.String({
  minLength: 3,
  maxLength: 320,
  ...STORABLE,
  description: 'One plain address as a person types it, of at most 254 characters; spaces around it are ignored.',
  examples: ['maya@example.com']
})

export const EmailSuggestion = Type.String({
  description:
    'What the person may have meant to type. Advice from the typed text alone; it says nothing about accounts.'
})

/** Characters; BCP 47 (4.4.1) asks that so many be taken. */
export const MOST_LOCALE = 35

export const Locale = Type.String({
  pattern: LANGUAGE_TAG,
  maxLength: MOST_LOCALE,
  description: 'A language tag (BCP 47). Mails are written in the closest language that has templates.',
  examples: ['fr-CH']
})

export const exampleUser = {
  id: '0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42',
  email: 'maya@example.com',
  email_verified: true,
  has_password: false,
  locale: 'en',
  created_at: '2026-11-22T09:30:00.000Z'
}

export const User = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String({
      description:
        'The address as it was typed when the account was made, but for its domain: that is in small letters, and in its ASCII form.'
    }),
    email_verified: Type.Boolean({
      description: 'Whether the address is proven: by a mailed code or link, or because it was imported as verified.'
    }),
    has_password: Type.Boolean({ description: 'Whether signing in with a password is possible.' }),
    locale: Type.String({
      description:
        'The language of mails to this account (BCP 47): of notices always, of codes and links where a request names no other.'
    }),
    created_at: Type.String({ format: 'date-time' })
  },
  {
    $id: 'User',
    examples: [exampleUser]
  }
)
export type User = Static<typeof User>

export const UpdateMeBody = Type.Object(
  { locale: Type.Optional(Locale) },
  { additionalProperties: false, examples: [{ locale: 'fr' }] }
)
