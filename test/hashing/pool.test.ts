import t, { type Test } from 'tap'
import { Pool } from '../../src/hashing/pool.ts'

const making = { scheme: 'bcrypt', cost: 4 } as const

function poolOf(t: Test, options: { threads: number; most: number; patience?: number }) {
  const warnings: unknown[] = []
  const pool = new Pool({
    patience: 60,
    ...options,
    program: new URL('./mortal-worker.ts', import.meta.url),
    log: { warn: (what: unknown) => void warnings.push(what) }
  })
  t.teardown(() => pool.stop())
  const made: string[] = []
  /** Answers what became of the job, and notes the order in which jobs were done. */
  const run = async (secret: string): Promise<string> => {
    try {
      await pool.run<string>({ make: making, secret })
      made.push(secret)
      return 'made'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  return { pool, run, made, warnings }
}

t.test('jobs are done in the order in which they came', async (t) => {
  const { run, made } = poolOf(t, { threads: 1, most: 100 })
  const names = Array.from({ length: 40 }, (_value, index) => `job ${index}`)

  await Promise.all(names.map(run))

  t.strictSame(made, names)
})

for (const death of ['throw', 'exit'])
  t.test(`a thread that dies (${death}) costs the job it was at, and no other`, async (t) => {
    const { run } = poolOf(t, { threads: 1, most: 100 })

    const outcomes = await Promise.all(['a', death, 'b', death, 'c'].map(run))
    const later = await run('d')

    t.strictSame(outcomes, ['made', 'unavailable', 'made', 'unavailable', 'made'])
    t.equal(later, 'made')
  })

t.test('a death is told to the operator', async (t) => {
  const { run, warnings } = poolOf(t, { threads: 2, most: 100 })

  await run('throw')

  t.match(warnings, [{ err: { message: 'died' } }])
})

t.test('who would wait behind too many is told to come back, and those who wait are served', async (t) => {
  const { pool, run } = poolOf(t, { threads: 1, most: 3 })

  const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(run))
  const later = await run('g')

  t.strictSame(outcomes, ['made', 'made', 'made', 'made', 'unavailable', 'unavailable'])
  t.equal(later, 'made')
  const refusals = await Promise.allSettled(Array.from({ length: 5 }, () => pool.run({ make: making, secret: 'x' })))
  t.match(refusals.at(-1), { reason: { code: 'unavailable', details: { retryAfter: 1 } } })
})

t.test('who has waited for too long is told to come back, and keeps nobody waiting who came later', async (t) => {
  const { pool, run } = poolOf(t, { threads: 1, most: 100, patience: 0.05 })
  const slow = pool.run<string>({ make: { scheme: 'bcrypt', cost: 12 }, secret: 'x' })
  const outcomes = Promise.all(['a', 'b', 'c'].map(run))

  await slow
  const later = await run('d')

  t.strictSame(await outcomes, ['unavailable', 'unavailable', 'unavailable'])
  t.equal(later, 'made')
  t.equal(pool.refused, 3)
})

t.test('a stop leaves nobody waiting', async (t) => {
  const { pool, run } = poolOf(t, { threads: 1, most: 100 })
  const running = Promise.all(['a', 'b', 'c'].map(run))

  await pool.stop()

  t.strictSame(await running, ['unavailable', 'unavailable', 'unavailable'])
  t.equal(await run('d'), 'unavailable')
})

t.test('while others wait results are handed over several at a time, and the last ones at once', async (t) => {
  const { pool, run, made } = poolOf(t, { threads: 1, most: 100 })
  const names = Array.from({ length: 12 }, (_value, index) => `job ${index}`)

  const waiting = await Promise.all(names.map((name) => run(name).then(() => pool.waiting)))

  t.strictSame(made, names)
  t.ok(new Set(waiting).size <= 8, `who was served saw ${waiting} behind`)
  t.strictSame(waiting.slice(-4), [2, 1, 0, 0])
})

t.test('nobody is kept for long, however many wait', async (t) => {
  const { pool } = poolOf(t, { threads: 1, most: 100 })
  const slow = () => pool.run<string>({ make: { scheme: 'bcrypt', cost: 13 }, secret: 'x' })
  const jobs = Array.from({ length: 8 }, slow)

  await jobs[0]

  t.equal(pool.waiting, 6, 'the second was still being made')
  const left = Promise.allSettled(jobs)
  await pool.stop()
  await left
})
