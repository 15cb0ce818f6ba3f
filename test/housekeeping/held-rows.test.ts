import t from 'tap'
import { pair } from '../pair.ts'
import { expireChallenges, keeperOf } from './keeper.ts'

t.test('a code whose row somebody holds keeps no other from being settled, and is settled later', async (t) => {
  const world = await pair(t)
  const keeper = await keeperOf(world)
  await world.second.housekeeper.stop()
  for (const name of ['maya', 'ines']) await world.api.requestOtp({ email: `${name}@example.com` })
  await expireChallenges(world.sql)

  const held = await world.hold(`select from postern.challenge where email_key = 'maya@example.com' for update`)
  const beside = await keeper.settle()
  await held.query('rollback')

  t.equal(beside, 1)
  t.equal(await keeper.settle(), 1)
})

t.test('a row that somebody holds keeps no other from being purged, and is purged later', async (t) => {
  const world = await pair(t)
  const keeper = await keeperOf(world)
  await world.second.housekeeper.stop()
  for (const name of ['maya', 'ines']) await world.api.requestOtp({ email: `${name}@example.com` })
  await world.sql(`update postern.challenge set expires_at = now() - interval '3 days', settled_at = now()`)

  const held = await world.hold(`select from postern.challenge where email_key = 'maya@example.com' for update`)
  const beside = await keeper.purge()
  await held.query('rollback')

  t.equal(beside.challenges, 1)
  t.equal((await keeper.purge()).challenges, 1)
})
