import t from 'tap'
import { MOST_DEVIATION } from './comparison.ts'
import { mixture, ownHash } from './hashes.ts'
import { ask, type Question, questions } from './questions.ts'
import { rankSum } from './rank-sum.ts'
import { makeWorld, type World } from './world.ts'

// The short form of `npm run timing`, which finds less: other tests run beside it.
const TIMES = 300
/** How often it looks for what is planted. Once is enough, unless other tests make the answers come ten times as unevenly. */
const MOST_LOOKS = 5

/** Whether answers that take so much longer are found: the looks count together (Stouffer 1949). @param delay milliseconds */
async function isFound(world: World, question: Question, delay: number): Promise<boolean> {
  let sum = 0
  for (let looks = 1; looks <= MOST_LOOKS; looks++) {
    sum += (await ask(world, question, 'known', TIMES, delay)).deviation
    if (sum / Math.sqrt(looks) > MOST_DEVIATION) return true
  }
  return false
}

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

  for (const question of questions.filter(({ rare }) => !rare)) {
    const state = question.states[0] ?? 'known'
    const compared = await ask(world, question, state, TIMES)
    t.ok(compared.alike, `${question.name}, ${state}: ${compared.deviation.toFixed(1)} sigma`)
    t.same(compared.statuses[0], compared.statuses[1], question.name)
  }
  const login = questions.find(({ name }) => name === 'login') as Question
  t.ok(await isFound(world, login, 2), 'two milliseconds more would be found')
})

t.test('nor where hashes of several kinds were brought along', async (t) => {
  const world = await makeWorld({}, await mixture())
  t.teardown(() => world.close())
  const login = questions.find(({ name }) => name === 'login') as Question

  for (const state of ['known', 'without password'] as const) {
    const compared = await ask(world, login, state, TIMES)
    t.ok(compared.alike, `${state}: ${compared.deviation.toFixed(1)} sigma`)
  }
})
