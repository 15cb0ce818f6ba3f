import t from 'tap'
import { DAY, HOUR } from '../../src/lib/time.ts'
import { LATER, refused, SECOND, startSignedIn } from './signed-in.ts'

t.test('a refresh answers the next pair of the same session', async (t) => {
  const { session, token, refresh, api } = await startSignedIn(t)

  const answer = await refresh(token)

  t.equal(answer.status, 200)
  t.match(answer.body, {
    token_type: 'Bearer',
    expires_in: 600,
    refresh_expires_in: 30 * DAY,
    session: session.session,
    user: session.user
  })
  t.not(answer.body.refresh_token, token)
  t.not(answer.body.access_token, session.access_token)
  t.equal((await api.getSession({ bearer: answer.body.access_token })).status, 200)
  t.equal((await api.getSession({ bearer: session.access_token })).status, 200, 'the pair before is still good')
})

t.test('a chain of refreshes goes on and on', async (t) => {
  const { token, step } = await startSignedIn(t)
  const tokens = [token]

  for (let round = 1; round <= 10; round++) tokens.push(await step(tokens.at(-1) as string))

  t.equal(new Set(tokens).size, 11)
})

t.test('a retry within a minute gets the same current token', async (t) => {
  const { token, step, letPass } = await startSignedIn(t)
  const current = await step(token)

  const atOnce = await step(token)
  await letPass(55 * SECOND)
  const late = await step(token)

  t.equal(atOnce, current)
  t.equal(late, current)
})

t.test('a lost reply does no harm an hour later, and not when that reply is lost too', async (t) => {
  const { token, step, letPass, api, refresh } = await startSignedIn(t)
  await step(token) // this reply never arrives
  await letPass(LATER)

  const second = await step(token) // nor does this
  await letPass(LATER)
  const third = await refresh(token)
  await letPass(LATER)
  const onward = await refresh(third.body.refresh_token)

  t.equal(third.status, 200)
  t.not(third.body.refresh_token, second)
  t.equal(onward.status, 200)
  t.equal((await api.getSession({ bearer: onward.body.access_token })).status, 200)
})

t.test('whoever holds the token of a lost reply ends the session', async (t) => {
  const { token, step, letPass, refresh, api, events, session } = await startSignedIn(t)
  const intercepted = await step(token)
  await letPass(LATER)
  const owners = await refresh(token)
  await letPass(LATER)

  const thief = await refresh(intercepted)

  refused(t, thief, 'refresh-rejected')
  refused(t, await refresh(owners.body.refresh_token), 'refresh-rejected', 'the owner has to sign in again')
  refused(t, await api.getSession({ bearer: owners.body.access_token }), 'session-rejected')
  t.match(await events('refresh_token_reused'), [{ outcome: 'session_ended', user_id: session.user.id }])
})

t.test('a token that was replaced long ago ends that session, is noted, and leaves other sessions alone', async (t) => {
  const { token, step, letPass, refresh, api, signIn, email, events, session } = await startSignedIn(t)
  const elsewhere = await signIn(email)
  let current = token
  for (let round = 1; round <= 3; round++) {
    current = await step(current)
    await letPass(LATER)
  }

  const thief = await refresh(token)

  refused(t, thief, 'refresh-rejected')
  refused(t, await refresh(current), 'refresh-rejected')
  refused(t, await api.getSession({ bearer: session.access_token }), 'session-rejected')
  t.equal((await api.getSession({ bearer: elsewhere.body.access_token })).status, 200)
  t.equal((await refresh(elsewhere.body.refresh_token)).status, 200)
  t.match(await events('refresh_token_reused'), [
    {
      outcome: 'session_ended',
      user_id: session.user.id,
      request_id: thief.headers.get('x-request-id') as string
    }
  ])
})

t.test('a token that was replaced long ago is found out even while the owner refreshes', async (t) => {
  const { token, step, letPass, refresh } = await startSignedIn(t)
  let current = token
  for (let round = 1; round <= 3; round++) {
    await letPass(LATER)
    current = await step(current)
  }

  const thief = await refresh(token) // within a minute of the owner's last step

  refused(t, thief, 'refresh-rejected')
  refused(t, await refresh(current), 'refresh-rejected')
})

t.test('a token that was replaced twice within a minute is found out like any other', async (t) => {
  const { token, step, refresh, events } = await startSignedIn(t)
  const current = await step(await step(token))

  refused(t, await refresh(token), 'refresh-rejected')
  refused(t, await refresh(current), 'refresh-rejected')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('it is found out too where the time that its successor was made at is not known', async (t) => {
  const { token, step, refresh, events, sql } = await startSignedIn(t)
  const current = await step(await step(token))
  await sql('update postern.session set parent_rotated_at = null') // as the release before migration 0010 steps it

  refused(t, await refresh(token), 'refresh-rejected')
  refused(t, await refresh(current), 'refresh-rejected')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('a copy of the token before does not ride along by being shown all the time', async (t) => {
  const { token, step, refresh, letPass, events } = await startSignedIn(t)
  const owners = await step(token)
  for (let minute = 1; minute <= 3; minute++) {
    await letPass(61)
    await refresh(token) // the thief, who so keeps the minute of the last step open
  }

  refused(t, await refresh(owners), 'refresh-rejected')
  refused(t, await refresh(token), 'refresh-rejected')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('nor by being shown once, right before each refresh of the owner', async (t) => {
  const { token, step, refresh, letPass, events } = await startSignedIn(t)
  let owners = await step(token)
  for (let round = 1; round <= 2; round++) {
    await letPass(LATER)
    await refresh(token)
    owners = await step(owners) // it may be another tab
  }

  await letPass(LATER)

  refused(t, await refresh(token), 'refresh-rejected', 'a tab would have gone on by now')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('two tabs go on, however many replies were lost before', async (t) => {
  const { token, step, letPass } = await startSignedIn(t)
  await step(token) // lost
  await letPass(70)
  const first = await step(token)
  await letPass(70)
  const second = await step(token) // by a tab that knew nothing of all this

  const again = await step(first)
  await letPass(LATER)
  const onward = await step(second)

  t.equal(again, second)
  t.equal(await step(again), onward)
})

t.test('a session that ends within this second is over: nobody gets tokens that are good for no second', async (t) => {
  const { token, refresh, sql } = await startSignedIn(t)
  await sql(`update postern.session set expires_at = now() + interval '0.9 seconds'`)

  refused(t, await refresh(token), 'refresh-rejected')
})

t.test('a session that is not refreshed for thirty days ends', async (t) => {
  const { token, refresh, letPass, api, session } = await startSignedIn(t)
  await letPass(30 * DAY - 2 * SECOND)
  const inTime = await refresh(token)

  await letPass(30 * DAY + SECOND)
  const tooLate = await refresh(inTime.body.refresh_token)

  t.equal(inTime.status, 200)
  t.equal(inTime.body.refresh_expires_in, 30 * DAY, 'a refresh begins the thirty days anew')
  refused(t, tooLate, 'refresh-rejected')
  refused(t, await api.getSession({ bearer: session.access_token }), 'session-rejected')
})

t.test('a session ends ninety days after it was opened, however often it is refreshed', async (t) => {
  const { token, refresh, letPass, api, session } = await startSignedIn(t)
  const opened = session.session
  let latest = await refresh(token)
  for (let month = 1; month <= 3; month++) {
    await letPass(29 * DAY)
    latest = await refresh(latest.body.refresh_token)
  }

  await letPass(3 * DAY + SECOND)
  const tooLate = await refresh(latest.body.refresh_token)

  t.equal(Date.parse(opened.expires_at) - Date.parse(opened.created_at), 90 * DAY * 1000)
  t.equal(latest.status, 200)
  t.ok(latest.body.refresh_expires_in <= 3 * DAY, 'the nearer end is told')
  t.ok(latest.body.refresh_expires_in > 3 * DAY - 60)
  refused(t, tooLate, 'refresh-rejected')
  refused(t, await api.getSession({ bearer: latest.body.access_token }), 'session-rejected')
})

t.test('an access token never outlives its session', async (t) => {
  const { token, refresh, letPass } = await startSignedIn(t, {
    SESSION_IDLE_TTL: `${HOUR}`,
    SESSION_TTL: `${HOUR}`,
    ACCESS_TOKEN_TTL: `${HOUR}`
  })
  await letPass(HOUR - 100 * SECOND)

  const answer = await refresh(token)

  t.ok(answer.body.expires_in <= 100 && answer.body.expires_in > 50, `${answer.body.expires_in}`)
  t.equal(answer.body.refresh_expires_in, answer.body.expires_in)
  const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString())
  t.ok(claims.exp * 1000 <= Date.parse(answer.body.session.expires_at))
})

t.test('a session that is renewed by a code keeps its idle end, and the access token knows it', async (t) => {
  const { api, codeOf, email, session, letPass } = await startSignedIn(t)
  await letPass(30 * DAY - 100 * SECOND)
  const { body } = await api.requestOtp({ email })

  const renewed = await api.verifyOtp(
    { challenge: body.challenge, code: codeOf(body.challenge) },
    { bearer: session.access_token }
  )

  t.equal(renewed.body.session.id, session.session.id)
  t.equal(renewed.body.refresh_token, undefined)
  t.ok(renewed.body.expires_in <= renewed.body.refresh_expires_in, `${renewed.body.expires_in}`)
})

t.test('a token whose step the database has lost, by a restore or a failover, goes on', async (t) => {
  const { token, step, refresh, letPass, sql } = await startSignedIn(t)
  const before = await step(token)
  const [row] = await sql('select row_to_json(s) as kept from postern.session as s')
  const lost = await step(await step(before))
  await sql(
    `update postern.session as s set (generation, parent_generation, grandparent_generation, rotated_at, parent_rotated_at) =
       (select generation, parent_generation, grandparent_generation, rotated_at, parent_rotated_at
        from json_populate_record(null::postern.session, '${JSON.stringify(row?.kept)}'))`
  )

  const onward = await refresh(lost)
  const again = await step(lost) // a second tab

  t.equal(onward.status, 200)
  t.equal(again, onward.body.refresh_token)
  await letPass(LATER)
  const next = await step(again)
  await letPass(LATER)
  refused(t, await refresh(lost), 'refresh-rejected', 'from then on it is one that was replaced')
  t.equal((await sql(`select from postern.event where kind = 'refresh_token_reused'`)).length, 1)
  t.not(next, again)
})
