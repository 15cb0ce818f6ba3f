import { randomUUID } from 'node:crypto'
import t from 'tap'
import { otherDays } from '../days.ts'
import { email, startWithPasswords } from './with-password.ts'

t.test('a link that is asked for with an old key, when its rows have gone, is another', async (t) => {
  const goTo = otherDays(t)
  goTo(0)
  const { api, signIn, sql } = await startWithPasswords(t)
  await signIn(email)
  const headers = { 'idempotency-key': randomUUID() }
  const ids = async () =>
    (
      await sql(`select (select id from postern.password_reset) as reset,
        (select id from postern.mail where kind = 'reset') as mail`)
    )[0]
  await api.requestPasswordReset({ email }, { headers })
  const first = await ids()
  await sql('with m as (delete from postern.mail) delete from postern.password_reset')

  goTo(3)
  await api.requestPasswordReset({ email }, { headers })

  const second = await ids()
  t.match(second, { reset: String, mail: String })
  t.not(second?.reset, first?.reset)
  t.not(second?.mail, first?.mail)
})

t.test('a retry on the other side of midnight makes no other link and no other mail', async (t) => {
  const goTo = otherDays(t)
  goTo(0)
  const { api, another, signIn, sql } = await startWithPasswords(t)
  const second = await another()
  await signIn(email)
  const headers = { 'idempotency-key': randomUUID() }
  const first = await api.requestPasswordReset({ email }, { headers })

  const retries = []
  for (const days of [1, -1]) {
    goTo(days)
    retries.push(await second.api.requestPasswordReset({ email }, { headers }))
  }

  for (const { status, body } of [first, ...retries])
    t.strictSame({ status, body }, { status: 202, body: { expires_in: 86_400 } })
  t.match(
    await sql(`select (select count(*)::int from postern.password_reset) as resets,
      (select count(*)::int from postern.mail where kind = 'reset') as mails`),
    [{ resets: 1, mails: 1 }]
  )
})
