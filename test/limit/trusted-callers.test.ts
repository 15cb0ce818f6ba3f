import t from 'tap'
import { newKey, start } from '../helper.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'

t.test('a trusted caller speaks for the person at the other end', async (t) => {
  const keys = [newKey(), newKey()]
  const world = await start(t, { ...LIMITED, TRUSTED_CALLERS: keys.join(',') })
  const speaking = (nth: number, address: string) => ({
    'x-postern-caller-key': keys[nth % 2] as string,
    'x-postern-client-address': address
  })

  const people = await askTimes(100, (nth) => ask(world, '192.0.2.1', speaking(nth, `198.51.${nth}.7`)))
  const one = await askTimes(40, (nth) => ask(world, '192.0.2.1', speaking(nth, '203.0.113.7')))
  const asked = await world.api.requestOtp({ email: 'maya@example.com' }, { headers: speaking(0, '203.0.113.7') })
  const networks = await world.sql('select client_network::text as network from postern.challenge')

  t.strictSame(tally(people), { 401: 100 })
  t.strictSame(tally(one), { 401: 30, 429: 10 })
  t.equal(asked.status, 202)
  t.strictSame(networks, [{ network: '203.0.113.0/24' }])
})

t.test('nobody else speaks for anybody, and a caller says an address or nothing', async (t) => {
  const key = newKey()
  const world = await start(t, { ...LIMITED, TRUSTED_CALLERS: key })
  const address = { 'x-postern-client-address': '198.51.100.7' }

  const wrong = await askTimes(40, () => ask(world, '192.0.2.1', { 'x-postern-caller-key': newKey(), ...address }))
  const keyless = await ask(world, '192.0.2.1', address)
  const odd = await ask(world, '192.0.2.1', {
    'x-postern-caller-key': key,
    'x-postern-client-address': '198.51.100.0/24'
  })

  const forItself = await ask(world, '192.0.2.9', { 'x-postern-caller-key': key })

  t.strictSame(tally(wrong), { 401: 30, 429: 10 })
  t.equal(forItself.status, 401, 'whoever names nobody is counted itself')
  t.equal(keyless.status, 429)
  t.match(odd, { status: 400, problem: { errors: [{ pointer: '/headers/x-postern-client-address' }] } })
  t.equal(world.log.filter((line) => line.includes('not in TRUSTED_CALLERS')).length, 1)
})
