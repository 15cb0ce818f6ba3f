import t from 'tap'
import { start } from '../helper.ts'
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

  t.strictSame(tally(strangers), { 401: 60, 429: 10 }, 'a forged token counts for the address')
  t.equal(first.status, 200)
  t.strictSame(tally(mine), { 200: 59, 429: 10 })
  t.match(mine.find(({ status }) => status === 429)?.problem, {
    detail: 'listSessions is limited to 60 requests a minute per session.'
  })
  t.equal(others.status, 200)
  t.equal(first.headers.get('ratelimit-limit'), null, 'the headers are for clients')
})

t.test(
  'changes of a password are limited by client: sessions of one’s own do not multiply what costs a hash',
  async (t) => {
    const { api, signIn } = await start(t, LIMITED)
    const bearers = [await signIn('maya@example.com'), await signIn('noor@example.com')].map(
      ({ body }) => body.access_token as string
    )
    let turn = 0

    const answers = await askTimes(40, () => {
      turn += 1
      return api.changePassword({ password: 'short' }, { bearer: bearers[turn % 2] })
    })

    t.strictSame(tally(answers), { 422: 30, 429: 10 })
  }
)

t.test('a token that has run out is still its session’s', async (t) => {
  const { api, signIn, ctx } = await start(t, LIMITED)
  const { body } = await signIn('maya@example.com')
  const iat = Math.floor(Date.now() / 1000) - 600
  const { user, session } = body
  const old = ctx.signing.sign({ sub: user.id, sid: session.id, jti: session.id, iat, exp: iat + 599, amr: ['otp'] })
  await askTimes(61, () => api.listSessions())

  const answer = await api.listSessions({ bearer: old })

  t.equal(answer.status, 401)
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

t.test('a bearer opens no further bucket where it is not what lets one in', async (t) => {
  const { api, signIn } = await start(t, LIMITED)
  const sessions = [await signIn('maya@example.com'), await signIn('noor@example.com')]

  const answers = await askTimes(80, (nth) =>
    api.verifyOtp({ challenge: 'chl_made-up', code: '123456' }, { bearer: sessions[nth % 2]?.body.access_token })
  )

  t.strictSame(tally(answers), { 401: 58, 429: 22 }, 'two were used up to sign in')
})
