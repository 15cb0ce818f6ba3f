import Type, { type Static } from 'typebox'
import { EmailSuggestion } from '../user/schema.ts'

export const exampleChallenge = 'chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx'

const example = {
  challenge: exampleChallenge,
  expires_in: 600,
  resend_in: 30,
  resends_left: 3,
  tries: 3,
  code_length: 6,
  code_alphabet: 'digits',
  reference: 'FBBC'
}

/** What a sign-in continues with when it needs a mailed code as well. */
export const exampleNext = { methods: ['otp'], challenge: example }

export const Challenge = Type.Object(
  {
    challenge: Type.String({
      description: 'Identifies this request for a code. Keep it: the code is useless without it.'
    }),
    expires_in: Type.Integer({ minimum: 0, description: 'Seconds the code stays valid.' }),
    resend_in: Type.Integer({ minimum: 0, description: 'Seconds until the code may be mailed again.' }),
    resends_left: Type.Integer({ minimum: 0, description: 'How often the code may still be mailed again.' }),
    tries: Type.Integer({ minimum: 0, description: 'Guesses left.' }),
    code_length: Type.Integer({
      description: 'Characters of the code. It grows for an address that many codes were requested for.'
    }),
    code_alphabet: Type.String({
      description: 'Which keyboard to show: `digits` or `base32`. An open list: for any other show the usual one.'
    }),
    reference: Type.String({
      description: 'Four letters that also appear in the mail, so that two mails can be told apart.'
    }),
    email_suggestion: Type.Optional(EmailSuggestion)
  },
  {
    $id: 'Challenge',
    examples: [example]
  }
)
export type Challenge = Static<typeof Challenge>
