import t from 'tap'
import { pair } from '../pair.ts'
import { password } from '../password/with-password.ts'

const email = 'maya@example.com'

/** Somebody with one session, which is as many as there may be; its row is held. */
async function atTheLimit(...[t]: Parameters<typeof pair>) {
  const world = await pair(t, { SESSIONS_PER_USER: '1', DATABASE_STATEMENT_TIMEOUT: '1', BCRYPT_COST: '4' })
  const { body: first } = await world.signIn(email)
  await world.api.changePassword({ password }, { bearer: first.access_token })
  await world.emptyLanes()
  const { challenge } = (await world.api.requestOtp({ email })).body
  const holder = await world.hold('select from postern.session for update')
  const release = () => holder.query('commit')
  const live = () => world.sql('select id from postern.session where revoked_at is null')
  const warned = () => world.log.filter((line) => line.includes('could not end the sessions')).length
  return { ...world, challenge: challenge as string, release, live, warned }
}

t.test(
  'who signs in by a code is signed in, also when older sessions cannot be ended; the next sign-in does',
  async (t) => {
    const { api, challenge, codeOf, release, live, warned, signIn } = await atTheLimit(t)

    const { status, body } = await api.verifyOtp({ challenge, code: codeOf(challenge) })

    t.equal(status, 200)
    t.equal(warned(), 1)
    t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
    t.equal((await live()).length, 2)
    await release()
    t.equal((await signIn(email)).status, 200)
    t.equal((await live()).length, 1)
  }
)

t.test('who signs in by a password is signed in, also when older sessions cannot be ended', async (t) => {
  const { api, release, live, warned } = await atTheLimit(t)

  const { status } = await api.loginWithPassword({ email, password })

  t.equal(status, 200)
  t.equal(warned(), 1)
  await release()
  t.equal((await api.loginWithPassword({ email, password })).status, 200)
  t.equal((await live()).length, 1)
})
