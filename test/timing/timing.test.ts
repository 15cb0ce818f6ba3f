import t from 'tap'
import { mixture, ownHash } from './hashes.ts'
import { ask, questions } from './questions.ts'
import { rankSum } from './rank-sum.ts'
import { makeWorld } from './world.ts'

// The short form of `npm run timing`, which finds less: other tests run beside it.
const TIMES = 300

t.test('the comparison finds two milliseconds, and nothing where there is nothing', async (t) => {
  const noise = () => Array.from({ length: 4000 }, () => 5 + Math.random() * 10)
  const same = rankSum(noise(), noise())
  const slower = rankSum(
    noise().map((took) => took + 2),
    noise()
  )

  t.ok(Math.abs(same.deviation) < 4.5, `${same.deviation}`)
  t.ok(slower.deviation > 10, `${slower.deviation}`)
  t.equal(rankSum([1, 2], [2, 3]).share, 0.125, 'ties count half')
})

t.test('no answer comes sooner or later for somebody who has an account', async (t) => {
  const world = await makeWorld({}, [await ownHash(4)])
  t.teardown(() => world.close())

  for (const question of questions) {
    const state = question.states[0] ?? 'known'
    const compared = await ask(world, question, state, TIMES)
    t.ok(compared.alike, `${question.name}, ${state}: ${compared.deviation.toFixed(1)} sigma`)
    t.same(compared.statuses[0], compared.statuses[1], question.name)
  }
  const login = questions.find(({ name }) => name === 'login') as (typeof questions)[number]
  t.notOk(
    (await ask(world, login, 'known', TIMES, 6)).alike,
    'a few milliseconds more would be found, other tests beside it or not'
  )
})

t.test('nor where hashes of several kinds were brought along', async (t) => {
  const world = await makeWorld({}, await mixture())
  t.teardown(() => world.close())
  const login = questions.find(({ name }) => name === 'login') as (typeof questions)[number]

  for (const state of ['known', 'without password'] as const) {
    const compared = await ask(world, login, state, TIMES)
    t.ok(compared.alike, `${state}: ${compared.deviation.toFixed(1)} sigma`)
  }
})
