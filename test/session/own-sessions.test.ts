import t, { type Test } from 'tap'
import { newId } from '../../src/lib/identifier.ts'
import { DAY } from '../../src/lib/time.ts'
import type { Answer } from '../contract-client.ts'
import { refused, startSignedIn } from './signed-in.ts'

/** One person on a phone, a tablet and a laptop, and somebody else. */
async function startWithDevices(t: Test) {
  const world = await startSignedIn(t)
  const { api, codeOf, email } = world
  const signInOn = async (agent: string): Promise<Answer> => {
    const { body } = await api.requestOtp({ email })
    const attempt = { challenge: body.challenge, code: codeOf(body.challenge) }
    return await api.verifyOtp(attempt, { headers: { 'user-agent': agent } })
  }
  const phone = await signInOn('Phone/1')
  const tablet = await signInOn('Tablet/2')
  const stranger = await world.signIn('noor@example.com')
  const statusOf = async ({ access_token }: { access_token: string }): Promise<number> =>
    (await api.getSession({ bearer: access_token })).status
  return { ...world, phone: phone.body, tablet: tablet.body, stranger: stranger.body, statusOf }
}

t.test('of what a client calls itself the first 256 characters are kept', async (t) => {
  const { api, email, codeOf } = await startSignedIn(t)
  const { challenge } = (await api.requestOtp({ email })).body
  const headers = { 'user-agent': 'x'.repeat(1000) }
  const { body } = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { headers })

  const { sessions } = (await api.listSessions({ bearer: body.access_token })).body

  t.equal(sessions.find(({ current }: { current: boolean }) => current).agent, 'x'.repeat(256))
})

t.test('a person sees their own live sessions, the one used last first', async (t) => {
  const { api, phone, tablet, sessionId, token, refresh } = await startWithDevices(t)
  const { body: laptop } = await refresh(token)

  const { status, body } = await api.listSessions({ bearer: phone.access_token })

  t.equal(status, 200)
  t.strictSame(
    body.sessions.map(({ id, current }: { id: string; current: boolean }) => [id, current]),
    [
      [phone.session.id, true],
      [sessionId, false],
      [tablet.session.id, false]
    ]
  )
  t.match(body.sessions[2], { agent: 'Tablet/2', network: '127.0.0.0/24', amr: ['otp'] })
  const [, first] = body.sessions
  t.equal(first.created_at, laptop.session.created_at)
  t.ok(Date.parse(first.last_used_at) > Date.parse(first.created_at))
  t.equal(Date.parse(first.expires_at) - Date.parse(first.last_used_at), 30 * DAY * 1000, 'unless it is refreshed')
})

t.test('a list does not tell when the session that asks for it was refreshed', async (t) => {
  const { api, refresh, token, sessionId, sql } = await startWithDevices(t)
  const { body: refreshed } = await refresh(token)
  await sql(
    `update postern.session set last_used_at = last_used_at - interval '1 minute',
      idle_expires_at = idle_expires_at - interval '1 minute' where id = $1`,
    [sessionId]
  )

  const before = Date.now()
  const [own] = (await api.listSessions({ bearer: refreshed.access_token })).body.sessions

  t.equal(own.id, sessionId)
  t.ok(Date.parse(own.last_used_at) >= before - 1000, 'it is used now')
  t.equal(own.expires_at, refreshed.session.expires_at)
})

t.test('sessions that ended or ran out are not listed', async (t) => {
  const { api, phone, tablet, letPass, sessionId } = await startWithDevices(t)
  await api.logout({ refresh_token: tablet.refresh_token })
  await letPass(31 * DAY, sessionId)

  const { body } = await api.listSessions({ bearer: phone.access_token })

  t.match(body.sessions, [{ id: phone.session.id }])
  t.equal(body.sessions.length, 1)
})

t.test('a person ends one session; it is refused at once and the others go on', async (t) => {
  const { api, another, phone, tablet, session, statusOf, refresh, events } = await startWithDevices(t)
  const second = await another()
  await second.api.getSession({ bearer: tablet.access_token })

  const answer = await api.endSession({ bearer: phone.access_token, id: tablet.session.id })

  t.equal(answer.status, 204)
  refused(t, await second.api.getSession({ bearer: tablet.access_token }), 'session-rejected')
  refused(t, await refresh(tablet.refresh_token), 'refresh-rejected')
  t.strictSame([await statusOf(phone), await statusOf(session)], [200, 200])
  t.match(await events('session_revoked'), [{ outcome: 'session_ended', user_id: phone.user.id }])
})

t.test('a person may end the very session that asks', async (t) => {
  const { api, phone } = await startWithDevices(t)

  const answer = await api.endSession({ bearer: phone.access_token, id: phone.session.id })

  t.equal(answer.status, 204)
  refused(t, await api.getSession({ bearer: phone.access_token }), 'session-rejected')
})

t.test('the session of somebody else is as unknown as one that never was or has ended', async (t) => {
  const { api, phone, tablet, stranger, statusOf } = await startWithDevices(t)
  await api.logout({ refresh_token: tablet.refresh_token })

  for (const id of [stranger.session.id, newId(), tablet.session.id]) {
    const answer = await api.endSession({ bearer: phone.access_token, id })
    t.match(answer.problem, { status: 404, code: 'not-found' })
    t.equal(answer.headers.get('www-authenticate'), null)
  }

  t.equal(await statusOf(stranger), 200)
})

t.test('an id that is none is a fault of the request', async (t) => {
  const { api, phone } = await startWithDevices(t)

  for (const id of ['x', '1', '%00', `${phone.session.id}'`, `urn:uuid:${phone.session.id}`])
    for (const act of [api.endSession, api.forgetDevice])
      t.match((await act({ bearer: phone.access_token, id })).problem, { status: 400, code: 'invalid-request' }, id)
})

t.test('a person ends all other sessions and stays signed in', async (t) => {
  const { api, phone, tablet, session, stranger, statusOf, refresh, events } = await startWithDevices(t)

  const answer = await api.endOtherSessions({ bearer: phone.access_token })
  const again = await api.endOtherSessions({ bearer: phone.access_token })

  t.match(answer.body, { sessions_ended: 2 })
  t.match(again.body, { sessions_ended: 0 })
  t.strictSame(
    await Promise.all([phone, stranger, tablet, session].map(statusOf)),
    [200, 200, 401, 401],
    'the phone and the stranger go on'
  )
  refused(t, await refresh(tablet.refresh_token), 'refresh-rejected')
  t.equal((await refresh(phone.refresh_token)).status, 200)
  t.equal((await events('other_sessions_revoked')).length, 1)
})

t.test('two sessions that end all others at once do not both stay', async (t) => {
  const { api, another, phone, tablet, statusOf } = await startWithDevices(t)
  const second = await another()

  const answers = await Promise.all([
    api.endOtherSessions({ bearer: phone.access_token }),
    second.api.endOtherSessions({ bearer: tablet.access_token })
  ])

  t.ok(answers.every(({ status }) => status === 200 || status === 401))
  t.ok([await statusOf(phone), await statusOf(tablet)].includes(401))
})

t.test('raising the credential version ends every session of the person at once, and nobody else', async (t) => {
  const { api, another, sql, phone, tablet, session, stranger, statusOf, refresh } = await startWithDevices(t)
  const second = await another()
  for (const { access_token } of [phone, tablet, session]) await second.api.getSession({ bearer: access_token })

  await sql('update postern."user" set credential_version = credential_version + 1 where id = $1', [phone.user.id])

  for (const { access_token, refresh_token } of [phone, tablet, session]) {
    refused(t, await second.api.getSession({ bearer: access_token }), 'session-rejected')
    refused(t, await api.listSessions({ bearer: access_token }), 'session-rejected')
    refused(t, await refresh(refresh_token), 'refresh-rejected')
  }
  t.equal(await statusOf(stranger), 200)
})
