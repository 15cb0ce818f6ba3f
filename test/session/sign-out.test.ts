import t from 'tap'
import { DAY, HOUR } from '../../src/lib/time.ts'
import { expiredToken, LATER, refused, startSignedIn } from './signed-in.ts'

t.test('signing out with the refresh token ends the session at once on every instance', async (t) => {
  const { api, another, session, token, refresh, events } = await startSignedIn(t)
  const second = await another()
  const before = await second.api.getSession({ bearer: session.access_token })

  const left = await api.logout({ refresh_token: token })

  t.equal(before.status, 200)
  t.equal(left.status, 204)
  for (const instance of [api, second.api]) {
    refused(t, await instance.getSession({ bearer: session.access_token }), 'session-rejected')
    refused(t, await refresh(token, instance), 'refresh-rejected')
  }
  t.match(await events('sign_out'), [{ outcome: 'session_ended', user_id: session.user.id }])
})

t.test('signing out with the bearer does the same', async (t) => {
  const { api, session, token, refresh } = await startSignedIn(t)

  const left = await api.logout(undefined, { bearer: session.access_token })

  t.equal(left.status, 204)
  refused(t, await api.getSession({ bearer: session.access_token }), 'session-rejected')
  refused(t, await refresh(token), 'refresh-rejected')
})

t.test('an access token that has run out is good enough to sign out', async (t) => {
  const { api, ctx, session, token, refresh } = await startSignedIn(t)
  const bearer = expiredToken(ctx, session, HOUR - 600)

  const use = await api.getSession({ bearer })
  const left = await api.logout({}, { bearer })

  refused(t, use, 'session-rejected')
  t.equal(left.status, 204)
  refused(t, await refresh(token), 'refresh-rejected')
})

t.test('one that ran out long ago, as it may stand in a log, signs nobody out', async (t) => {
  const { api, ctx, session, token, refresh } = await startSignedIn(t)

  const left = await api.logout({}, { bearer: expiredToken(ctx, session, 2 * HOUR - 600) })

  refused(t, left, 'session-rejected')
  t.equal((await refresh(token)).status, 200)
})

t.test('any refresh token of the session signs out, the one of before as well', async (t) => {
  const { api, step, token, refresh, letPass } = await startSignedIn(t)
  const current = await step(await step(token))
  await letPass(LATER)

  const left = await api.logout({ refresh_token: token })

  t.equal(left.status, 204)
  refused(t, await refresh(current), 'refresh-rejected')
})

t.test('signing out again is fine and is noted once', async (t) => {
  const { api, token, session, events } = await startSignedIn(t)

  const answers = await Promise.all([
    ...Array.from({ length: 8 }, () => api.logout({ refresh_token: token })),
    ...Array.from({ length: 8 }, () => api.logout(undefined, { bearer: session.access_token }))
  ])
  answers.push(await api.logout({ refresh_token: token }))

  t.ok(answers.every(({ status }) => status === 204))
  t.equal((await events('sign_out')).length, 1)
})

t.test('signing out of a session that has run out is fine', async (t) => {
  const { api, token, letPass } = await startSignedIn(t)
  await letPass(400 * DAY)

  const left = await api.logout({ refresh_token: token })

  t.equal(left.status, 204)
})

t.test('signing out leaves the other sessions of the person alone', async (t) => {
  const { api, signIn, email, token } = await startSignedIn(t)
  const other = await signIn(email)

  await api.logout({ refresh_token: token })

  t.equal((await api.getSession({ bearer: other.body.access_token })).status, 200)
})

t.test('without any token nobody can be signed out', async (t) => {
  const { api } = await startSignedIn(t)

  refused(t, await api.logout(), 'session-rejected', 'nothing')
  refused(t, await api.logout({}), 'session-rejected', 'an empty body')
  refused(t, await api.logout({}, { bearer: 'x' }), 'session-rejected', 'no bearer of ours')
})

t.test('a refresh token decides over a bearer', async (t) => {
  const { api, session, signIn, token } = await startSignedIn(t)
  const { body: other } = await signIn('noor@example.com')

  const left = await api.logout({ refresh_token: token }, { bearer: other.access_token })
  const forged = await api.logout({ refresh_token: 'rfr_x' }, { bearer: other.access_token })

  t.equal(left.status, 204)
  refused(t, await api.getSession({ bearer: session.access_token }), 'session-rejected')
  refused(t, forged, 'refresh-rejected')
  t.equal((await api.getSession({ bearer: other.access_token })).status, 200)
})
