import t from 'tap'
import { start, wrongCode } from '../helper.ts'
import { asked, email, rejected } from './asked.ts'

t.test('the fourth guess is refused even when it is right', async (t) => {
  const { api, challenge, code } = await asked(t)
  for (let guess = 1; guess <= 3; guess++) t.match(await api.verifyOtp({ challenge, code: wrongCode(code) }), rejected)

  t.match(await api.verifyOtp({ challenge, code }), rejected)
})

t.test('the third guess is good when it is right', async (t) => {
  const { api, challenge, code } = await asked(t)
  for (let guess = 1; guess <= 2; guess++) await api.verifyOtp({ challenge, code: wrongCode(code) })

  t.equal((await api.verifyOtp({ challenge, code })).status, 200)
})

t.test('a code opens nothing a second time, nor with the challenge of another request', async (t) => {
  const { api, challenge, code, sql } = await asked(t)
  await api.verifyOtp({ challenge, code })

  const used = await api.verifyOtp({ challenge, code })
  const { challenge: second } = (await api.requestOtp({ email })).body
  const swapped = await api.verifyOtp({ challenge: second, code })

  t.match(used, rejected)
  t.match(swapped, rejected)
  t.match(await sql('select count(*)::int as sessions from postern.session'), [{ sessions: 1 }])
})

t.test('an expired code is refused though it is right', async (t) => {
  const { api, challenge, code, sql } = await asked(t)
  await sql(`update postern.challenge set expires_at = now() - interval '1 millisecond'`)

  t.match(await api.verifyOtp({ challenge, code }), rejected)
})

t.test('wrong, used up, expired, used and made up are one answer', async (t) => {
  const { api, codeOf, sql } = await start(t)
  const ask = async (to: string) => (await api.requestOtp({ email: to })).body.challenge as string
  const [wrong, usedUp, expired, used] = [
    await ask('a@example.com'),
    await ask('b@example.com'),
    await ask('c@example.com'),
    await ask('d@example.com')
  ]
  await sql(`update postern.challenge set tries_left = 0 where email like 'b@%'`)
  await sql(`update postern.challenge set expires_at = now() where email like 'c@%'`)
  await api.verifyOtp({ challenge: used, code: codeOf(used) })

  const answers = [
    await api.verifyOtp({ challenge: wrong, code: wrongCode(codeOf(wrong)) }),
    await api.verifyOtp({ challenge: usedUp, code: codeOf(usedUp) }),
    await api.verifyOtp({ challenge: expired, code: codeOf(expired) }),
    await api.verifyOtp({ challenge: used, code: codeOf(used) }),
    await api.verifyOtp({ challenge: 'made up', code: '123456' })
  ]

  const told = answers.map(({ status, headers, problem: { instance: _, ...rest } }) => ({
    ...{ status, rest, scheme: headers.get('www-authenticate') }
  }))
  for (const answer of told) t.same(answer, told[0])
  t.equal(told[0]?.scheme, 'Postern-Code')
})

t.test('each judgement is in the audit trail', async (t) => {
  const { api, challenge, code, sql } = await asked(t)
  await api.verifyOtp({ challenge, code: wrongCode(code) })
  const { headers, body } = await api.verifyOtp({ challenge, code })

  const events = await sql('select kind, outcome, user_id, request_id from postern.event order by at')

  t.match(events, [
    { kind: 'sign_in_by_code', outcome: 'wrong_code', user_id: null },
    { outcome: 'signed_in', user_id: body.user.id, request_id: headers.get('x-request-id') }
  ])
})

t.test('a challenge from before a change of credentials opens nothing, one from after it does', async (t) => {
  const { api, signIn, codeOf, sql } = await asked(t)
  await signIn(email)
  const before = (await api.requestOtp({ email })).body.challenge
  await sql('update postern."user" set credential_changed_at = now(), credential_version = credential_version + 1')
  const after = (await api.requestOtp({ email })).body.challenge

  const dead = await api.verifyOtp({ challenge: before, code: codeOf(before) })
  const again = await api.verifyOtp({ challenge: before, code: codeOf(before) })
  const alive = await api.verifyOtp({ challenge: after, code: codeOf(after) })

  t.match(dead, rejected)
  t.match(again, rejected)
  t.equal(alive.status, 200)
  t.match(await sql('select count(*)::int as sessions from postern.session'), [{ sessions: 2 }])
})

t.test('with a bearer of the same account the session goes on, proven anew', async (t) => {
  const { api, signIn, codeOf, sql } = await asked(t)
  const { body: first } = await signIn(email)
  await sql(`update postern.session set authenticated_at = authenticated_at - interval '1 hour'`)
  const { challenge } = (await api.requestOtp({ email })).body

  const { status, body } = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { bearer: first.access_token })

  t.equal(status, 200)
  t.equal(body.session.id, first.session.id)
  t.same(body.session.amr, ['otp'])
  t.notOk('refresh_token' in body)
  t.ok(Date.now() - Date.parse(body.session.authenticated_at) < 60_000)
  t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
  t.equal((await api.refreshSession({ refresh_token: first.refresh_token })).status, 200)
  t.match(await sql('select count(*)::int as sessions from postern.session'), [{ sessions: 1 }])
})

t.test('a bearer of another account, one that is over and one that is none open a session as if absent', async (t) => {
  const { api, signIn, codeOf, sql } = await asked(t)
  const { body: ines } = await signIn('ines@example.com')
  const { body: over } = await signIn(email)
  await api.logout(undefined, { bearer: over.access_token })

  for (const bearer of [ines.access_token, over.access_token, 'nonsense']) {
    const { challenge } = (await api.requestOtp({ email })).body
    const { body } = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { bearer })

    t.equal(body.user.email, email)
    t.ok(![ines.session.id, over.session.id].includes(body.session.id))
    t.equal((await api.refreshSession({ refresh_token: body.refresh_token })).status, 200)
  }
  t.match(await sql('select count(*)::int as sessions from postern.session'), [{ sessions: 5 }])
})

t.test('a wrong code does not renew the session of its bearer', async (t) => {
  const { api, signIn, codeOf, sql } = await asked(t)
  const { body } = await signIn(email)
  await sql(`update postern.session set authenticated_at = '2020-01-01'`)
  const { challenge } = (await api.requestOtp({ email })).body

  const answer = await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) }, { bearer: body.access_token })

  t.match(answer, rejected)
  t.match(
    (await api.getSession({ bearer: body.access_token })).body.session.authenticated_at,
    /^2020-01-01|^2019-12-31/
  )
})
