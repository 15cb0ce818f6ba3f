import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { start } from '../helper.ts'

const lines = (log: string[]) =>
  log.map((line) => JSON.parse(line) as { msg: string; status?: number; refusals?: number })

/** So many requests for what is not there, a few at a time. */
async function flood(t: Test, times: number, settings = {}) {
  const { url, log, stop } = await start(t, { LOG_LEVEL: 'info', ...settings })
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const before = performance.now()
  for (let round = 0; round < times / 10; round++)
    await Promise.all(Array.from({ length: 10 }, async () => (await fetch(`${url}/not-here`)).arrayBuffer()))
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve)) // a line follows its answer
  const seconds = Math.ceil((performance.now() - before) / 1000) + 1
  return { log, seconds, stop }
}

t.test('a flood of refusals has a hundred lines a second, and one that counts the others', async (t) => {
  const { log, seconds } = await flood(t, 2000)
  const answered = lines(log).filter(({ msg, status }) => msg === 'answered' && status === 404).length
  mock.timers.tick(60_000)

  const told = lines(log).filter(({ msg }) => msg === 'too many refusals to log each of them')
  t.ok(answered <= 100 * seconds, `${answered} lines in ${seconds} s`)
  t.strictSame(
    told.map(({ refusals }) => refusals),
    [2000 - answered]
  )
})

t.test('what had no line is told at the end, and not to who wants no lines of refusals', async (t) => {
  for (const [level, told] of [
    ['info', 1],
    ['warn', 0]
  ] as const) {
    const { log, stop } = await flood(t, 2000, { LOG_LEVEL: level })
    mock.timers.reset()
    await stop()
    t.equal(lines(log).filter(({ msg }) => msg === 'too many refusals to log each of them').length, told, level)
  }
})

t.test('at debug every answer has a line', async (t) => {
  const { log } = await flood(t, 300, { LOG_LEVEL: 'debug' })

  t.equal(lines(log).filter(({ msg, status }) => msg === 'answered' && status === 404).length, 300)
})
