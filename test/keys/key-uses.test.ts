import t from 'tap'
import { findKeyUses } from '../../src/keys/store.ts'
import { start, until } from '../helper.ts'

const email = 'maya@example.com'

/** What needs the key that it was made by, and what ends that; each is taken back. */
const ends: [kind: string, table: string, over: string, back: string][] = [
  ['session', 'session', 'revoked_at = now()', 'revoked_at = null'],
  ['session', 'session', 'expires_at = now()', `expires_at = now() + interval '1 day'`],
  ['challenge', 'challenge', 'used_at = now()', 'used_at = null'],
  ['challenge', 'challenge', 'settled_at = now()', 'settled_at = null'],
  ['challenge', 'challenge', 'expires_at = now()', `expires_at = now() + interval '10 minutes'`],
  ['reset', 'password_reset', 'used_at = now()', 'used_at = null'],
  ['reset', 'password_reset', 'expires_at = now()', `expires_at = now() + interval '1 day'`],
  ['mail', 'mail', `state = 'sent'`, `state = 'queued'`],
  ['mail', 'mail', 'valid_until = now()', `valid_until = now() + interval '1 day'`],
  ['signing_key', 'signing_key', 'retires_at = now()', 'retires_at = null']
]

t.test('a master key is in use by what is live, and by nothing that has ended', async (t) => {
  const { api, ctx, sql, inbox, signIn } = await start(t)
  await signIn(email)
  await api.requestPasswordReset({ email })
  await api.requestOtp({ email: 'ines@example.com' })
  await until(() => inbox?.mails('ines@example.com')[0])
  await until(async () => (await sql(`select from postern.mail where state = 'queued'`)).length === 0)
  await sql(`update postern.mail set state = 'queued', due_at = now() + interval '1 hour'`)
  const uses = async () => (await findKeyUses(ctx.db, {})).map(({ kind }) => kind).sort()
  const all = ['challenge', 'mail', 'reset', 'session', 'signing_key']

  t.strictSame(await uses(), all)
  for (const [kind, table, over, back] of ends) {
    await sql(`update postern.${table} set ${over}`)
    const left = await uses()
    await sql(`update postern.${table} set ${back}`)

    t.strictSame(
      left,
      all.filter((each) => each !== kind),
      `${table}: ${over}`
    )
  }
})
