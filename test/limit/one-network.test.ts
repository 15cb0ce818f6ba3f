import t from 'tap'
import { start } from '../helper.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'

t.test('ten thousand addresses of one /64 are one bucket, and the next /64 is another', async (t) => {
  const world = await start(t, LIMITED)

  const answers = await askTimes(10_000, (nth) => ask(world, `2001:db8:1:2:${nth.toString(16)}::1`))
  const neighbour = await ask(world, '2001:db8:1:3::1')

  t.strictSame(tally(answers), { 401: 30, 429: 9970 })
  t.equal(neighbour.status, 401)
})
