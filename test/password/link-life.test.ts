import t from 'tap'
import { until } from '../helper.ts'
import { email, startWithPasswords } from './with-password.ts'

t.test('a link lasts as long as the operator says, and the answer and the mail say so too', async (t) => {
  const { api, signIn, mails, sql } = await startWithPasswords(t, { RESET_TTL: '7200' })
  await signIn(email)

  const { body } = await api.requestPasswordReset({ email })

  const mail = await until(() => mails(email).find(({ text }) => text.includes('#token=')))
  t.strictSame(body, { expires_in: 7200 })
  t.match(mail.text, /good for 2 hours/)
  t.strictSame(
    await sql('select extract(epoch from expires_at - created_at)::int as life from postern.password_reset'),
    [{ life: 7200 }]
  )
})
