import t from 'tap'
import { start } from '../helper.ts'

t.test('a stranger asks for a code, reads it in the mail, signs in, refreshes and signs out', async (t) => {
  const { api, mailedCode } = await start(t)
  const email = 'maya@example.com'

  const asked = await api.requestOtp({ email })
  const code = await mailedCode(email)
  const signedIn = await api.verifyOtp({ challenge: asked.body.challenge, code })
  const current = await api.getSession({ bearer: signedIn.body.access_token })
  const refreshed = await api.refreshSession({ refresh_token: signedIn.body.refresh_token })
  const left = await api.logout({ refresh_token: refreshed.body.refresh_token })
  const after = await api.getSession({ bearer: refreshed.body.access_token })

  t.equal(asked.status, 202)
  t.match(asked.body, {
    expires_in: 600,
    resend_in: 30,
    resends_left: 3,
    tries: 3,
    code_length: 6,
    code_alphabet: 'digits'
  })
  t.equal(signedIn.status, 200)
  t.match(signedIn.body.user, { email, email_verified: true, has_password: false })
  t.match(current.body, { session: { id: signedIn.body.session.id, amr: ['otp'] }, user: { email } })
  t.equal(refreshed.status, 200)
  t.not(refreshed.body.refresh_token, signedIn.body.refresh_token)
  t.equal(left.status, 204)
  t.match(after.problem, { status: 401, code: 'session-rejected' })
})
