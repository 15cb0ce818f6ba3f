import { createInterface } from 'node:readline/promises'
import { Postern } from './postern.ts'

const postern = new Postern({
  baseUrl: process.env.POSTERN_URL ?? 'http://localhost:3000',
  keep: () => {} // an app keeps it; this one ends with the session
})
const ask = createInterface({ input: process.stdin, output: process.stdout })

const asked = await postern.api.POST('/v1/otp', { body: { email: await ask.question('Your address: ') } })
if (asked.error) throw new Error(asked.error.title)
if (asked.data.email_suggestion) console.log(`Did you mean ${asked.data.email_suggestion}?`)

const code = await ask.question(`The code from the mail marked ${asked.data.reference}: `)
const signedIn = await postern.api.POST('/v1/otp/verify', { body: { challenge: asked.data.challenge, code } })
console.log(signedIn.error ? signedIn.error.title : `Welcome, ${signedIn.data.user.email}.`)
await postern.signOut()
ask.close()
