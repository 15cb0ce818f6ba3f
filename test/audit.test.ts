import t from 'tap'
import { start } from './helper.ts'
import { another, email, password, startWithPasswords } from './password/with-password.ts'

t.test('whatever changes for somebody leaves an event of its own', async (t) => {
  const { api, sql, signIn } = await start(t, { CODE_RESEND_AFTER: '0', SESSIONS_PER_USER: '2' })
  const email = 'maya@example.com'
  const asked = await api.requestOtp({ email })
  await api.resendOtp({ challenge: asked.body.challenge })
  const [first, second] = [await signIn(email), await signIn(email)]

  await api.updateMe({ locale: 'fr' }, { bearer: second.body.access_token })
  await signIn(email)
  await api.logout({ refresh_token: second.body.refresh_token })
  const events = await sql<{ kind: string; outcome: string; user_id: string | null; request_id: string | null }>(
    'select kind, outcome, user_id, request_id from postern.event order by at'
  )

  const { id } = first.body.user
  t.strictSame(
    events.map(({ kind, outcome, user_id }) => [kind, outcome, user_id]),
    [
      ['code_resent', 'mail_queued', null],
      ['sign_in_by_code', 'signed_in', id],
      ['sign_in_by_code', 'signed_in', id],
      ['account_updated', 'locale_changed', id],
      ['sign_in_by_code', 'signed_in', id],
      ['session_limit', 'session_ended', id],
      ['sign_out', 'session_ended', id]
    ]
  )
  t.strictSame(
    events.filter(({ request_id }) => request_id === null).map(({ kind }) => kind),
    ['session_limit']
  )
})

t.test('every event of a request says from which network it came, with what, and of which address', async (t) => {
  const { api, ctx, signUp, askForLink, sql } = await startWithPasswords(t)
  const { body } = await signUp()
  const bearer = body.access_token
  const phone = { bearer, headers: { 'user-agent': 'Phone/1' } }
  await sql('delete from postern.event')

  await api.changePassword({ current_password: another, password: 'neun Birnen in der Schale' }, phone)
  await api.changePassword({ current_password: password, password: another }, phone)
  await api.resetPassword({ token: await askForLink(), password }, phone)
  const session = (await api.loginWithPassword({ email, password }, phone)).body
  await api.loginWithPassword({ email, password: another }, phone)
  await api.deleteMe({ ...phone, bearer: session.access_token })
  const events = await sql<{ kind: string }>(
    'select kind, network::text, agent, email_mac = $1 as named from postern.event order by at, id',
    [ctx.secrets.addressMac(email)]
  )

  const kinds = ['password_change_refused', 'password_changed', 'password_reset', 'sign_in_by_password']
  t.strictSame(
    events,
    [...kinds, 'sign_in_by_password', 'account_deleted'].map((kind) => ({
      kind,
      network: '127.0.0.0/24',
      agent: 'Phone/1',
      named: true
    }))
  )
})

t.test('a device that its owner forgets leaves an event', async (t) => {
  const { api, signUp, events } = await startWithPasswords(t)
  const { body } = await signUp()
  const bearer = body.access_token
  const [{ id }] = (await api.listDevices({ bearer })).body.devices

  await api.forgetDevice({ bearer, id })

  t.strictSame(await events('device_forgotten'), [{ outcome: 'done', user_id: body.user.id }])
})
