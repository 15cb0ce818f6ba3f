import t from 'tap'
import { start } from '../helper.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'

t.test('all of a /48 together, and all of a /24, have a larger bucket', async (t) => {
  const world = await start(t, LIMITED)

  const six = await askTimes(400, (nth) => ask(world, `2001:db8:9:${nth.toString(16)}::1`))
  const sixBeside = await ask(world, '2001:db8:a::1')
  const four = await askTimes(400, (nth) => ask(world, `203.0.113.${nth % 200}`))
  const fourBeside = await ask(world, '203.0.114.1')
  const mapped = await ask(world, '::ffff:203.0.113.250')

  t.strictSame(tally(six), { 401: 300, 429: 100 })
  t.match(six.find(({ status }) => status === 429)?.problem, {
    detail: 'resendOtp is limited to 300 requests a minute per network.'
  })
  t.equal(sixBeside.status, 401)
  t.strictSame(tally(four), { 401: 300, 429: 100 })
  t.equal(fourBeside.status, 401)
  t.equal(mapped.status, 429, 'an IPv4 address dressed as IPv6 is the IPv4 address')
})

t.test('whoever hammers uses up no share of the neighbours', async (t) => {
  const world = await start(t, LIMITED)

  await askTimes(1000, () => ask(world, '203.0.113.7'))
  const neighbour = await ask(world, '203.0.113.8')

  t.equal(neighbour.status, 401)
})

t.test('a client is told the room that its network has left, when that is less than its own', async (t) => {
  const world = await start(t, LIMITED)
  const told = async (address: string) => {
    const { headers } = await ask(world, address)
    return [Number(headers['ratelimit-limit']), Number(headers['ratelimit-remaining'])]
  }

  const first = await told('203.0.113.1')
  await askTimes(294, (nth) => ask(world, `203.0.113.${2 + (nth % 98)}`))

  t.strictSame(first, [30, 29])
  t.strictSame(await told('203.0.113.200'), [300, 4])
})

t.test('a made-up X-Forwarded-For changes nothing, and is told of once', async (t) => {
  const world = await start(t, LIMITED)

  const answers = await askTimes(60, (nth) =>
    ask(world, '203.0.113.7', { 'x-forwarded-for': `198.51.100.${nth}, 10.0.0.1`, forwarded: `for=198.51.100.${nth}` })
  )

  t.strictSame(tally(answers), { 401: 30, 429: 30 })
  t.equal(world.log.filter((line) => line.includes('outside TRUSTED_PROXIES')).length, 1)
})

for (const header of ['x-forwarded-for', 'forwarded'])
  t.test(`${header} alone tells of a proxy that nobody has named`, async (t) => {
    const world = await start(t, LIMITED)

    await ask(world, '203.0.113.7', { [header]: '198.51.100.7' })

    t.equal(world.log.filter((line) => line.includes('outside TRUSTED_PROXIES')).length, 1)
  })

t.test('behind a proxy the address it adds counts, and none that the client wrote itself', async (t) => {
  const world = await start(t, { ...LIMITED, TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8' })
  const forwarded = (nth: number, client: string) => ({ 'x-forwarded-for': `198.51.100.${nth}, ${client}, 10.1.1.1` })

  const one = await askTimes(60, (nth) => ask(world, '10.0.0.1', forwarded(nth, '203.0.113.9')))
  const beside = await ask(world, 'fd00::1', forwarded(1, '203.0.113.10'))
  const warned = world.log.filter((line) => line.includes('outside TRUSTED_PROXIES'))
  const direct = await askTimes(60, (nth) => ask(world, '192.0.2.50', forwarded(nth, `198.51.100.${nth}`)))

  t.strictSame(tally(one), { 401: 30, 429: 30 })
  t.equal(beside.status, 401)
  t.strictSame(warned, [], 'the proxy may forward')
  t.strictSame(tally(direct), { 401: 30, 429: 30 }, 'who comes past the proxy is not believed')
})

t.test('an address that a proxy writes with its port, or in brackets, is the address', async (t) => {
  const world = await start(t, { ...LIMITED, TRUSTED_PROXIES: '10.0.0.0/8' })
  const from = (client: string) => ask(world, '10.0.0.1', { 'x-forwarded-for': client })
  const email = (nth: number) => ({ email: `maya${nth}@example.com` })

  const many = await askTimes(60, (nth) => from(`203.0.${nth}.7:4${nth}`))
  const one = await askTimes(60, (nth) => from(`[2001:db8::7]:${4000 + nth}`))
  for (const [nth, client] of ['203.0.113.7:4711', '[2001:db8::1]:443', '[2001:db8::1]', '2001:db8::1'].entries())
    await world.app.inject({
      method: 'POST',
      url: '/v1/otp',
      remoteAddress: '10.0.0.1',
      payload: email(nth),
      headers: { 'x-forwarded-for': client }
    })

  const chain = await askTimes(60, (nth) => from(`198.51.${nth}.7:4${nth}, 10.0.0.2:5${nth}`))

  t.strictSame(tally(chain), { 401: 60 }, 'nor does a proxy between hide them')
  t.strictSame(tally(many), { 401: 60 })
  t.strictSame(tally(one), { 401: 30, 429: 30 })
  t.strictSame(
    (await world.sql('select client_network::text as network from postern.challenge order by email')).map(
      ({ network }) => network
    ),
    ['203.0.113.0/24', '2001:db8::/64', '2001:db8::/64', '2001:db8::/64']
  )
  t.strictSame(
    world.log.filter((line) => line.includes('no IP address')),
    []
  )
  await from('unknown')
  await from('_hidden')
  t.equal(world.log.filter((line) => line.includes('not IP addresses')).length, 1)
})
