import t from 'tap'
import { newKey } from '../helper.ts'
import { another, email, startWithPasswords } from '../password/with-password.ts'
import { refused } from '../session/signed-in.ts'
import { idOf, postern } from './command.ts'

t.test('compromised ends the links that the key made, and no others, and leaves an event', async (t) => {
  const [oldKey, newestKey] = [newKey(), newKey()]
  const keys = `${newestKey},${oldKey}`
  const before = await startWithPasswords(t, { SECRET_KEYS: `${oldKey},${newestKey}` })
  await before.signIn(email)
  await before.signIn('noor@example.com')
  const after = await before.another({ SECRET_KEYS: keys })
  const old = await before.askForLink()
  await after.api.requestPasswordReset({ email: 'noor@example.com' })
  const inForce = () =>
    before.sql('select key_id, expires_at > now() as live from postern.password_reset order by live')
  t.equal((await after.api.inspectPasswordReset({ token: old })).status, 200)

  const settings = { DATABASE_URL: before.databaseUrl, SECRET_KEYS: keys }
  const { code } = await postern(['keys', 'compromised', idOf(oldKey)], settings)

  t.equal(code, 0)
  refused(t, await after.api.inspectPasswordReset({ token: old }), 'reset-rejected')
  refused(t, await after.api.resetPassword({ token: old, password: another }), 'reset-rejected')
  t.strictSame(await inForce(), [
    { key_id: idOf(oldKey), live: false },
    { key_id: idOf(newestKey), live: true }
  ])
  t.strictSame(await before.events('master_key_compromised'), [{ outcome: 'sessions_and_codes_ended', user_id: null }])
})
