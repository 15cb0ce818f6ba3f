import t from 'tap'
import { malformed } from '../contract-client.ts'
import { until } from '../helper.ts'
import { refused, startSignedIn } from '../session/signed-in.ts'

t.test('a person sees their account, with the address as they typed it', async (t) => {
  const { api, signIn } = await startSignedIn(t)
  const { body } = await signIn('Noor.Haddad@Example.COM')

  const answer = await api.getMe({ bearer: body.access_token })

  t.equal(answer.status, 200)
  t.strictSame(answer.body, {
    id: body.user.id,
    email: body.user.email,
    email_verified: true,
    has_password: false,
    locale: 'en',
    created_at: body.user.created_at
  })
  t.equal(answer.body.email.toLowerCase(), 'noor.haddad@example.com')
  t.match(answer.body.email, /^Noor\.Haddad@/)
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('whoever sets a language gets mails in it', async (t) => {
  const { api, session, email, inbox } = await startSignedIn(t)

  const changed = await api.updateMe({ locale: 'fr-CH' }, { bearer: session.access_token })

  t.match(changed.body, { id: session.user.id, locale: 'fr-CH' })
  t.match((await api.getMe({ bearer: session.access_token })).body, { locale: 'fr-CH' })
  t.match((await api.getSession({ bearer: session.access_token })).body.user, { locale: 'fr-CH' })
  const { reference } = (await api.requestOtp({ email })).body
  const mail = await until(() => inbox?.mails(email).find(({ text }) => text.includes(reference)))
  t.match(mail.text, /Votre code/)
})

t.test('a change without members changes nothing', async (t) => {
  const { api, session } = await startSignedIn(t)

  const answer = await api.updateMe({}, { bearer: session.access_token })

  t.equal(answer.status, 200)
  t.strictSame(answer.body, session.user)
})

t.test('nothing but the language can be changed', async (t) => {
  const { api, session } = await startSignedIn(t)
  const attempts = [
    { email: 'noor@example.com' },
    { email_verified: false },
    { id: session.user.id },
    { password_hash: 'x' },
    { credential_version: 1 },
    { locale: 'fr', email: 'noor@example.com' },
    { locale: null },
    { locale: 7 },
    { locale: '' },
    { locale: 'no locale' },
    { locale: '../../etc/passwd' },
    { locale: 'e\u0000n' },
    { locale: `en-${'x'.repeat(40)}` },
    [],
    'x',
    '{"locale":"fr","locale":"de"}',
    '{"__proto__":{"locale":"fr"}}'
  ]

  for (const body of attempts) {
    const answer = await api.updateMe(malformed(body), { bearer: session.access_token })
    t.match(answer.problem, { status: 400, code: 'invalid-request' }, JSON.stringify(body))
  }

  t.strictSame((await api.getMe({ bearer: session.access_token })).body, session.user)
})

t.test('one person changes only their own account', async (t) => {
  const { api, session, signIn } = await startSignedIn(t)
  const { body: other } = await signIn('noor@example.com')

  await api.updateMe({ locale: 'de' }, { bearer: session.access_token })

  t.match((await api.getMe({ bearer: other.access_token })).body, { locale: 'en' })
})

t.test('without a live session there is no account to see or change', async (t) => {
  const { api, session, token } = await startSignedIn(t)
  await api.logout({ refresh_token: token })

  for (const bearer of [undefined, 'x', token, session.access_token]) {
    refused(t, await api.getMe({ bearer }), 'session-rejected')
    refused(t, await api.updateMe({ locale: 'fr' }, { bearer }), 'session-rejected')
    refused(
      t,
      await api.updateMe(malformed({ locale: 7 }), { bearer }),
      'session-rejected',
      'before the body is looked at'
    )
  }
})

t.test('a disabled account is out at once, on every instance, and cannot refresh', async (t) => {
  const { api, another, sql, session, token, refresh } = await startSignedIn(t)
  const second = await another()
  await second.api.getMe({ bearer: session.access_token })

  await sql('update postern."user" set disabled_at = now() where id = $1', [session.user.id])

  refused(t, await second.api.getMe({ bearer: session.access_token }), 'session-rejected')
  refused(t, await api.updateMe({ locale: 'fr' }, { bearer: session.access_token }), 'session-rejected')
  refused(t, await refresh(token), 'refresh-rejected')
})
