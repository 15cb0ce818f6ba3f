import { pino } from 'pino'
import t from 'tap'
import { SharedCounts } from '../../src/limit/shared-counts.ts'
import { newKey, type Running, start, until } from '../helper.ts'
import { levels } from '../housekeeping/keeper.ts'
import { ask, askTimes, LIMITED, tally } from './asking.ts'
import { redisServer } from './redis-server.ts'

const settings = { ...LIMITED, LOG_LEVEL: 'info' }

/** Resolves when an instance says so for the nth time. */
const told = ({ log }: Pick<Running, 'log'>, words: string, times = 1) =>
  until(() => log.filter((line) => line.includes(words)).length >= times)
const LOST = 'REDIS_URL is out of reach'
const BACK = 'REDIS_URL is back'

/** An instance that has reached its Redis: a request was counted there. */
async function reached(world: Pick<Running, 'app'>, command: (word: 'dbsize') => Promise<unknown>): Promise<void> {
  await until(async () => {
    await ask(world, '198.51.100.99')
    return Number(await command('dbsize')) > 0
  })
}

t.test('two instances with one Redis count together', async (t) => {
  const { url, command } = await redisServer(t)
  const first = await start(t, { ...settings, REDIS_URL: url })
  const second = await first.another()
  await reached(first, command)
  await command('flushall')
  await reached(second, command)

  const answers = await askTimes(60, (nth) => ask(nth % 2 === 0 ? first : second, '203.0.113.7'))
  const refused = answers.find(({ status }) => status === 429)

  t.strictSame(tally(answers), { 401: 30, 429: 30 })
  const wait = Number(refused?.headers['retry-after'])
  t.ok(wait >= 45 && wait <= 60, `the window ends in ${wait} s`)
})

t.test('a Redis that is killed in mid-run fails no request and lets nobody through', async (t) => {
  const redis = await redisServer(t)
  const world = await start(t, { ...settings, REDIS_URL: redis.url, TRUSTED_CALLERS: newKey() })
  await reached(world, redis.command)
  const asked = [await world.api.requestOtp({ email: 'maya@example.com' })]

  const before = await askTimes(10, () => ask(world, '203.0.113.7'))
  const [during] = await Promise.all([askTimes(100, () => ask(world, '203.0.113.7')), redis.kill()])
  asked.push(await world.api.requestOtp({ email: 'maya@example.com' }))
  await told(world, LOST)
  const stranger = await askTimes(40, () => ask(world, '203.0.114.7'))
  await redis.start()
  await told(world, BACK)
  const after = await ask(world, '203.0.113.7')
  asked.push(await world.api.requestOtp({ email: 'maya@example.com' }))

  t.strictSame(tally(before), { 401: 10 })
  const passed = tally(during)
  t.strictSame(Object.keys(passed), ['401', '429'])
  t.ok((passed[401] ?? 0) <= 20, `${passed[401]} of twenty that were left`)
  t.strictSame(tally(stranger), { 401: 15, 429: 25 }, 'half the quota while each instance counts for itself')
  t.equal(after.status, 429, 'a server that begins anew gives nobody a fresh quota')
  t.strictSame(tally(asked), { 202: 3 })
  t.strictSame(await levels(world.sql), [9], 'what is charged to an account does not live there')
})

t.test('a Redis that is flushed gives nobody a fresh quota', async (t) => {
  const { url, command } = await redisServer(t)
  const world = await start(t, { ...settings, REDIS_URL: url })
  await reached(world, command)

  const before = await askTimes(40, () => ask(world, '203.0.113.7'))
  await command('flushall')
  const after = await askTimes(40, () => ask(world, '203.0.113.7'))

  t.strictSame(tally(before), { 401: 30, 429: 10 })
  t.strictSame(tally(after), { 429: 40 })
})

t.test('a Redis that hangs holds no request up', async (t) => {
  const redis = await redisServer(t)
  const world = await start(t, { ...settings, REDIS_URL: redis.url })
  await reached(world, redis.command)

  redis.hang()
  const began = performance.now()
  const answers = await askTimes(60, () => ask(world, '203.0.113.7'))
  const took = performance.now() - began
  redis.wake()
  await until(async () => {
    await ask(world, '198.51.100.99')
    return world.log.some((line) => line.includes(BACK))
  })

  t.strictSame(Object.keys(tally(answers)), ['401', '429'])
  t.ok((tally(answers)[401] ?? 0) <= 15)
  t.ok(took < 3000, `60 requests took ${took} ms`)
})

t.test('a process that was busy itself does not take its Redis for lost', async (t) => {
  const { url } = await redisServer(t)
  const counts = new SharedCounts({ url, log: pino({ level: 'silent' }) })
  counts.start()
  t.teardown(() => counts.stop())
  await until(() => counts.add('warm', 60_000))

  const asked = counts.add('busy', 60_000)
  const end = performance.now() + 300
  while (performance.now() < end);

  t.match(await asked, { current: 1 })
})

t.test('an instance starts and serves without the Redis it was told of', async (t) => {
  const world = await start(t, { ...settings, REDIS_URL: 'redis://127.0.0.1:1' })

  const answers = await askTimes(60, () => ask(world, '203.0.113.7'))
  const ready = await world.api.getReadiness()

  t.strictSame(tally(answers), { 401: 15, 429: 45 })
  t.equal(ready.status, 200)
  t.equal(world.log.filter((line) => line.includes(LOST)).length, 1)
})
