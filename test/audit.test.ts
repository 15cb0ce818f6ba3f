import t from 'tap'
import { start } from './helper.ts'

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
