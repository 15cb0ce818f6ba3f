import t from 'tap'
import { start } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'

t.test('ten thousand addresses of one /64 are one bucket, and the next /64 is another', async (t) => {
  const world = await start(t, LIMITED)

  const answers = await askTimes(10_000, (nth) => ask(world, `2001:db8:1:2:${nth.toString(16)}::1`))
  const neighbour = await ask(world, '2001:db8:1:3::1')

  t.strictSame(tally(answers), { 401: 30, 429: 9970 })
  t.equal(neighbour.status, 401)
})

t.test('the headers tell of the nearer limit, the own or that of the network', async (t) => {
  const world = await start(t, LIMITED)
  const told = async (address: string) => {
    const { headers } = await ask(world, address)
    return [headers['ratelimit-limit'], headers['ratelimit-remaining']].map(Number)
  }

  t.strictSame(await told('2001:db8:1:0::1'), [30, 29])
  await askTimes(295, (nth) => ask(world, `2001:db8:1:${(nth + 1).toString(16)}::1`))
  t.strictSame(await told('2001:db8:1:ffff::1'), [300, 3])
})

t.test(
  'who asks from a network that is full is counted no more: such addresses could push others out of memory',
  async (t) => {
    const world = await start(t, LIMITED)
    const filled = await askTimes(301, (nth) => ask(world, `2001:db8:1:${nth.toString(16)}::1`))

    const answers = await askTimes(40, () => ask(world, '2001:db8:1:ffff::1'))
    const elsewhere = await ask(world, '2001:db8:2::1')
    jumpAhead(t, 61)
    const later = await ask(world, '2001:db8:1:ffff::1')

    t.strictSame(tally(filled), { 401: 300, 429: 1 })
    t.strictSame(tally(answers), { 429: 40 })
    for (const { problem, headers } of answers) {
      t.match(problem.detail, /requests a minute per network\.$/)
      t.ok(Number(headers['retry-after']) > 0)
    }
    t.equal(elsewhere.status, 401)
    t.equal(later.status, 401)
  }
)
