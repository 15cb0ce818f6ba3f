import t from 'tap'
import { start } from '../helper.ts'
import { browser } from '../session/browser.ts'
import { expiredToken } from '../session/signed-in.ts'
import { askTimes, LIMITED, tally } from './asking.ts'

t.test('whoever shows a genuine token is limited by session and never by address', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const [maya, noor] = [await signIn('maya@example.com'), await signIn('noor@example.com')]
  const bearerOf = (answer: typeof maya) => ({ bearer: answer.body.access_token as string })
  const forged = { bearer: maya.body.access_token.replace(/.{6}$/, 'AAAAAA') }

  const strangers = await askTimes(70, () => api.listSessions(forged))
  const first = await api.listSessions(bearerOf(maya))
  const mine = await askTimes(69, () => api.listSessions(bearerOf(maya)))
  const others = await api.listSessions(bearerOf(noor))
  const elsewhere = await api.listDevices(bearerOf(maya))

  t.strictSame(tally(strangers), { 401: 60, 429: 10 }, 'a forged token counts for the address')
  t.equal(first.status, 200)
  t.strictSame(tally(mine), { 200: 59, 429: 10 })
  t.match(mine.find(({ status }) => status === 429)?.problem, {
    detail: 'listSessions is limited to 60 requests a minute per session.'
  })
  t.equal(others.status, 200)
  t.equal(elsewhere.status, 200, 'every operation counts for itself')
  t.equal(first.headers.get('ratelimit-limit'), null, 'the headers are for clients')
})

t.test(
  'changes of a password are limited by client: sessions of one’s own do not multiply what costs a hash',
  async (t) => {
    const { api, signIn } = await start(t, LIMITED)
    const bearers = [await signIn('maya@example.com'), await signIn('noor@example.com')].map(
      ({ body }) => body.access_token as string
    )
    const answers = await askTimes(40, (nth) => api.changePassword({ password: 'short' }, { bearer: bearers[nth % 2] }))

    t.strictSame(tally(answers), { 422: 30, 429: 10 })
  }
)

t.test('changes of an account are limited by client too: each of them stays in the audit for a year', async (t) => {
  const { api, signIn, sql } = await start(t, LIMITED)
  const bearers = [await signIn('maya@example.com'), await signIn('maya@example.com')].map(
    ({ body }) => body.access_token as string
  )
  const answers = await askTimes(40, (nth) => api.updateMe({ locale: 'fr' }, { bearer: bearers[nth % 2] }))

  t.strictSame(tally(answers), { 200: 30, 429: 10 })
  t.same(await sql(`select count(*)::int from postern.event where kind = 'account_updated'`), [{ count: 30 }])
})

t.test('a token that has run out is still its session’s', async (t) => {
  const { api, signIn, ctx } = await start(t, LIMITED)
  const { body } = await signIn('maya@example.com')
  const old = expiredToken(ctx, body, 1)
  await askTimes(61, () => api.listSessions())

  const answer = await api.listSessions({ bearer: old })

  t.equal(answer.status, 401)
})

t.test('a token that ran out long ago is nobody’s: it cannot use up what the session has', async (t) => {
  const { api, signIn, ctx } = await start(t, LIMITED)
  const { body } = await signIn('maya@example.com')
  const old = expiredToken(ctx, body, 600)

  const answers = await askTimes(70, () => api.listSessions({ bearer: old }))

  t.strictSame(tally(answers), { 401: 60, 429: 10 })
  t.match(answers.find(({ status }) => status === 429)?.problem, { detail: /per IP address\.$/ })
  t.equal((await api.listSessions({ bearer: body.access_token })).status, 200)
})

t.test('sessions that have ended have no quota each: their tokens count for the address', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const ended = [await signIn('maya@example.com'), await signIn('maya@example.com'), await signIn('maya@example.com')]
  const owner = await signIn('maya@example.com')
  await api.endOtherSessions({ bearer: owner.body.access_token })
  const bearerOf = (nth: number) => ({ bearer: ended[nth % 3]?.body.access_token as string })
  const refreshOf = (nth: number) => ({ refresh_token: ended[nth % 3]?.body.refresh_token as string })
  for (const nth of [0, 1, 2]) {
    await api.listSessions(bearerOf(nth))
    await api.refreshSession(refreshOf(nth))
  }

  const shown = await askTimes(90, (nth) => api.listSessions(bearerOf(nth)))
  const refreshed = await askTimes(90, (nth) => api.refreshSession(refreshOf(nth)))

  t.strictSame(tally(shown), { 401: 60, 429: 30 })
  t.strictSame(tally(refreshed), { 401: 57, 429: 33 }, 'the first three counted for the address already')
  t.equal((await api.listSessions({ bearer: owner.body.access_token })).status, 200)
})

t.test('who has signed out signs out no more often than anybody', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const tokens = [
    await signIn('maya@example.com'),
    await signIn('maya@example.com'),
    await signIn('maya@example.com')
  ].map(({ body }) => body.refresh_token as string)
  for (const refresh_token of tokens) await api.logout({ refresh_token })

  const answers = await askTimes(90, (nth) => api.logout({ refresh_token: tokens[nth % 3] as string }))

  t.strictSame(tally(answers), { 204: 60, 429: 30 })
})

t.test('a session whose token has just run out is not taken for ended', async (t) => {
  const { api, signIn, ctx } = await start(t, LIMITED)
  const { body } = await signIn('maya@example.com')
  const old = expiredToken(ctx, body, 1)
  await api.listSessions({ bearer: old })
  await askTimes(61, () => api.listSessions()) // uses up what the address has

  t.equal((await api.listSessions({ bearer: body.access_token })).status, 200)
})

t.test('a session that lives, though its refresh was refused, keeps what it has', async (t) => {
  const { api, signIn, sql } = await start(t, LIMITED)
  const { access_token: bearer, refresh_token } = (await signIn('maya@example.com')).body
  await sql(`update postern.session set key_id = '00000000'`) // as after a restore to before a rotation
  t.equal((await api.refreshSession({ refresh_token })).status, 401)

  const first = await api.listSessions({ bearer })
  await askTimes(60, () => api.listSessions())

  t.equal(first.status, 200)
  t.equal(first.headers.get('ratelimit-limit'), null)
  t.equal((await api.listSessions({ bearer })).status, 200, 'and not what the address has left')
})

t.test('a body that cannot be read counts for the address where its token would name the session', async (t) => {
  const { app } = await start(t, LIMITED)

  const answers = await askTimes(70, () =>
    app
      .inject({
        method: 'POST',
        url: '/v1/session/refresh',
        headers: { 'content-type': 'application/json' },
        payload: '{"refresh_token":'
      })
      .then(({ statusCode }) => ({ status: statusCode }))
  )

  t.strictSame(tally(answers), { 400: 60, 429: 10 })
})

t.test('a refresh counts for the session that its token names', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const [maya, noor] = [await signIn('maya@example.com'), await signIn('noor@example.com')]

  const mine = await askTimes(70, () => api.refreshSession({ refresh_token: maya.body.refresh_token }))
  const forged = await askTimes(70, () => api.refreshSession({ refresh_token: 'rfr_made-up' }))
  const others = await api.refreshSession({ refresh_token: noor.body.refresh_token })
  const left = await api.logout({ refresh_token: noor.body.refresh_token })

  t.strictSame(tally(mine), { 200: 60, 429: 10 })
  t.strictSame(tally(forged), { 401: 60, 429: 10 })
  t.equal(others.status, 200)
  t.equal(left.status, 204)
})

t.test('a refresh by cookie counts for its session, and not for all who share an address', async (t) => {
  const { api, url, codeOf } = await start(t, LIMITED)
  const page = browser(url)
  const { challenge } = (await api.requestOtp({ email: 'maya@example.com' })).body
  await page.ask('verifyOtp', { challenge, code: codeOf(challenge), session_transport: 'cookie' })

  const others = await askTimes(70, () => api.refreshSession({ refresh_token: 'rfr_made-up' }))
  const mine = await page.ask('refreshSession', {})

  t.strictSame(tally(others), { 401: 60, 429: 10 })
  t.equal(mine.status, 200)
})

t.test('a bearer opens no further bucket where it is not what lets one in', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const sessions = [await signIn('maya@example.com'), await signIn('noor@example.com')]

  const answers = await askTimes(80, (nth) =>
    api.verifyOtp({ challenge: 'chl_made-up', code: '123456' }, { bearer: sessions[nth % 2]?.body.access_token })
  )

  t.strictSame(tally(answers), { 401: 58, 429: 22 }, 'two were used up to sign in')
})
