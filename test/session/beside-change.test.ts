import t from 'tap'
import { newId } from '../../src/lib/identifier.ts'
import { endExcessSessions } from '../../src/session/open-store.ts'
import { pair } from '../pair.ts'
import { email, password } from '../password/with-password.ts'

t.test('what a session asks for while it changes the password itself is done', async (t) => {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const bearer = (await world.signIn(email)).body.access_token
  const held = await world.hold('select from postern."user" for update')

  const change = world.api.changePassword({ password }, { bearer })
  await world.waiting(1)
  const asked = [world.second.api.updateMe({ locale: 'de' }, { bearer }), world.second.api.endOtherSessions({ bearer })]
  await world.waiting(3)
  await held.query('commit')

  t.strictSame(
    (await Promise.all([change, ...asked])).map(({ status }) => status),
    [200, 200, 200]
  )
})

t.test('and so is its own end', async (t) => {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const { access_token: bearer, session } = (await world.signIn(email)).body
  const held = await world.hold('select from postern."user" for update')

  const change = world.api.changePassword({ password }, { bearer })
  await world.waiting(1)
  const end = world.second.api.endSession({ bearer, id: session.id })
  await world.waiting(2)
  await held.query('commit')

  t.strictSame([(await change).status, (await end).status], [200, 204])
  t.equal((await world.api.getSession({ bearer })).status, 401)
})

t.test('sessions beyond the limit and all other sessions end at once without a deadlock', async (t) => {
  const world = await pair(t)
  const sessions = [await world.signIn(email), await world.signIn(email), await world.signIn(email)].map(
    ({ body }) => body
  )
  const [, middle, last] = [...sessions].sort((a, b) => (a.session.id < b.session.id ? -1 : 1))
  const held = await world.hold(`select from postern.session where id = '${middle.session.id}' for update`)
  const nobody = { network: null, agent: null, requestId: null }
  const values = { userId: last.user.id, most: 0, eventId: newId(), ...nobody }

  const excess = endExcessSessions(world.ctx.db, values)
  await world.waiting(1)
  const others = world.second.api.endOtherSessions({ bearer: last.access_token })
  await world.waiting(2)
  await held.query('commit')

  t.equal((await excess).length, 3)
  t.equal((await others).status, 401, 'its own session is among those beyond the limit')
  t.strictSame(await world.sql('select deadlocks::int from pg_stat_database where datname = current_database()'), [
    { deadlocks: 0 }
  ])
})
