import { mock } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type BatchOptions, batched } from '../../src/db/batch.ts'
import type { Db } from '../../src/db/tables.ts'
import { newId } from '../../src/lib/identifier.ts'
import { requestCode } from '../../src/otp/request-code.ts'
import { start } from '../helper.ts'

t.test('of many session checks at once each is answered for its own token', async (t) => {
  const { api, signIn } = await start(t)
  const sessions = await Promise.all(Array.from({ length: 30 }, (_, at) => signIn(`person${at}@example.com`)))
  const ended = new Set(sessions.filter((_, at) => at % 3 === 0).map(({ body }) => body.session.id))
  await Promise.all(
    sessions
      .filter(({ body }) => ended.has(body.session.id))
      .map(({ body }) => api.logout({ refresh_token: body.refresh_token }))
  )

  const asked = Array.from({ length: 240 }, (_, at) => sessions[at % sessions.length]?.body)
  const answers = await Promise.all(asked.map((session) => api.getSession({ bearer: session.access_token })))

  for (const [at, answer] of answers.entries()) {
    const { session, user } = asked[at]
    if (ended.has(session.id)) t.match(answer, { status: 401, problem: { code: 'session-rejected' } })
    else t.match(answer, { status: 200, body: { session: { id: session.id }, user: { email: user.email } } })
  }
})

t.test('what changes the same row never shares a statement, which could change it only once', async (t) => {
  const { ctx, api, codeOf, sql } = await start(t)
  const request = { locale: undefined, acceptLanguage: undefined, idempotencyKey: undefined, deviceToken: undefined }
  const ask = (email: string) =>
    requestCode(ctx, { ...request, email }, { network: null, agent: null, requestId: newId() })

  const asked = await Promise.allSettled(
    ['maya', 'noor', 'maya', 'maya', 'noor', 'maya'].map((name) => ask(`${name}@example.com`))
  )

  const challenges = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.challenge] : []))
  t.equal(new Set(challenges).size, 6)
  const levels = await sql('select round(code_level)::int as level from postern.address_budget order by level')
  t.strictSame(levels, [{ level: 6 }, { level: 12 }], 'three tries for each code')
  for (const challenge of challenges) t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)
})

for (const [what, options] of [
  ['look-ups', {}],
  ['changes of rows', { conflictKey: String }]
] as [string, BatchOptions<number>][])
  t.test(`${what} of one moment share statements of at most a hundred, and later ones get their own`, async (t) => {
    const batches: number[] = []
    const look = batched(async (_db: Db, keys: readonly number[]) => {
      batches.push(keys.length)
      return keys.flatMap((key, index) => (key % 2 === 0 ? [{ place: index + 1, key }] : []))
    }, options)
    const db = {} as Db

    const found = await Promise.all(Array.from({ length: 250 }, (_, key) => look(db, key)))
    const later = await look(db, 4)

    t.strictSame(batches, [100, 100, 50, 1])
    t.ok(found.every((row, key) => (key % 2 === 0 ? row?.key === key : row === undefined)))
    t.equal(later?.key, 4)
  })

/** Lets all that is due go on. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn++) await immediate()
}

/** Stops the clock, which a busy machine would let run on between two lines of a test. @returns what moves it on, in milliseconds */
function stopClock(t: Test): (by: number) => void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  return (by) => mock.timers.tick(by)
}

/** A line of look-ups whose statements end when the test says so. */
function lineOfLookUps(options: BatchOptions<number> = {}) {
  const batches: number[][] = []
  const ends: (() => void)[] = []
  const look = batched(async (_db: Db, keys: readonly number[]) => {
    batches.push([...keys])
    await new Promise<void>((resolve) => ends.push(resolve))
    return keys.map((key, index) => ({ place: index + 1, key }))
  }, options)
  return { look, batches, end: () => ends.shift()?.() }
}

t.test('while a statement is under way, of whatever kind, calls wait for it together', async (t) => {
  stopClock(t)
  const db = {} as Db
  const [sessions, codes] = [lineOfLookUps(), lineOfLookUps()]
  const first = sessions.look(db, 1)
  await settle()

  const others = [codes.look(db, 2), codes.look(db, 3)]
  await settle()
  t.strictSame(codes.batches, [])
  sessions.end()
  await first
  await settle()
  t.strictSame(codes.batches, [[2, 3]])
  codes.end()

  t.match(await Promise.all(others), [{ key: 2 }, { key: 3 }])
})

t.test('as many as are worth a statement of their own do not wait', async (t) => {
  stopClock(t)
  const db = {} as Db
  const { look, batches, end } = lineOfLookUps()
  const calls = [look(db, 0)]
  await settle()

  for (const key of [1, 2, 3, 4, 5]) calls.push(look(db, key))
  await settle()
  t.strictSame(batches, [[0], [1, 2, 3, 4, 5]])
  for (const key of [6, 7, 8, 9, 10]) calls.push(look(db, key))
  await settle()
  t.equal(batches.length, 2, 'beside two it takes twice as many')
  end()
  end()
  await settle()
  t.strictSame(batches[2], [6, 7, 8, 9, 10])
  end()

  await Promise.all(calls)
})

t.test('nobody waits long for a statement that does not come back', async (t) => {
  const moveClock = stopClock(t)
  const db = {} as Db
  const [stuck, others] = [lineOfLookUps(), lineOfLookUps()]
  const hanging = stuck.look(db, 1)
  await settle()

  const call = others.look(db, 2)
  await settle()
  moveClock(2)
  await settle()
  t.strictSame(others.batches, [])
  moveClock(1)
  await settle()
  t.strictSame(others.batches, [[2]])
  others.end()

  t.match(await call, { key: 2 })
  stuck.end()
  await hanging
})

t.test('what is quick does not wait for what is not', async (t) => {
  stopClock(t)
  const db = {} as Db
  const slow = lineOfLookUps()
  const hanging = slow.look(db, 1)
  await settle()
  const check = lineOfLookUps({ quick: true })

  const checked = check.look(db, 2)
  await settle()
  t.strictSame(check.batches, [[2]])
  check.end()
  t.match(await checked, { key: 2 })
  slow.end()
  await hanging
})

t.test('another database is not waited for', async (t) => {
  const { look, batches, end } = lineOfLookUps()
  const calls = [look({} as Db, 1)]
  await settle()

  calls.push(look({} as Db, 2))
  await settle()

  t.strictSame(batches, [[1], [2]])
  end()
  end()
  await Promise.all(calls)
})

t.test('who has waited for a full line does not wait for other kinds besides', async (t) => {
  stopClock(t)
  const db = {} as Db
  const [other, { look, batches, end }] = [lineOfLookUps(), lineOfLookUps({ maxInFlight: 1 })]
  const calls = [look(db, 1)]
  await settle()
  for (const key of [1, 2, 3, 4, 5]) calls.push(other.look(db, key))
  await settle()
  calls.push(look(db, 2))
  await settle()

  end()
  await settle()

  t.equal(other.batches.length, 1)
  t.strictSame(batches, [[1], [2]])
  end()
  other.end()
  await Promise.all(calls)
})

t.test('no more statements are under way than a line may have, however its calls conflict', async (t) => {
  const db = {} as Db
  const { look, batches, end } = lineOfLookUps({ maxInFlight: 2, conflictKey: () => 'the same row' })
  const calls = [1, 2, 3, 4].map((key) => look(db, key))

  await settle()
  t.strictSame(batches, [[1], [2]])
  for (const count of [3, 4, 4, 4]) {
    end()
    await settle()
    t.equal(batches.length, count)
  }

  t.match(await Promise.all(calls), [{ key: 1 }, { key: 2 }, { key: 3 }, { key: 4 }])
})
