import t from 'tap'
import { until } from '../helper.ts'
import { pair } from '../pair.ts'
import { another, email, password, startWithPasswords, tokenIn } from './with-password.ts'

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

t.test('a link that a newer password has ended is not mailed again when its mail was put off', async (t) => {
  const { api, signIn, mails, sql } = await startWithPasswords(t)
  await signIn(email)
  await api.requestPasswordReset({ email })
  const links = () => mails(email).filter(({ text }) => text.includes('#token='))
  await until(() => links().length === 1)
  await until(async () => (await sql(`select from postern.mail where kind = 'reset' and state = 'sent'`)).length === 1)
  const putOff = (change: string) =>
    sql(`with changed as (${change}) update postern.mail set state = 'queued', settled_at = null, sent_at = null,
      due_at = now(), valid_until = now() + interval '1 hour' where kind = 'reset'`)
  const settled = () =>
    until(
      async () => (await sql(`select state, answer from postern.mail where kind = 'reset' and state <> 'queued'`))[0]
    )

  await putOff('select 1')
  const before = await settled()
  await putOff(`update postern."user" set credential_changed_at = now() where email_key = '${email}'`)
  const after = await settled()

  t.match(before, { state: 'sent', answer: /./ })
  t.strictSame(after, { state: 'expired', answer: before.answer }, 'the ledger keeps what was said when it was sent')
  t.equal(links().length, 2)
})

t.test('a link that runs out while its password is on the way sets none', async (t) => {
  const { api, signIn, inbox, hold, waiting, sql } = await pair(t, { BCRYPT_COST: '4' })
  const { body } = await signIn(email)
  await api.changePassword({ password }, { bearer: body.access_token })
  await api.requestPasswordReset({ email })
  const mail = await until(() => inbox?.mails(email).find(({ text }) => text.includes('#token=')))
  const budget = await hold('select from postern.address_budget for update')

  const reset = api.resetPassword({ token: tokenIn(mail.text), password: another })
  await waiting(1)
  await sql('update postern.password_reset set expires_at = now()')
  await budget.query('commit')

  t.match((await reset).problem, { status: 401, code: 'reset-rejected' })
  t.equal((await api.loginWithPassword({ email, password })).status, 200)
})
