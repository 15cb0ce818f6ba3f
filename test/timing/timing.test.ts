import t, { type Test } from 'tap'
import { MOST_DEVIATION } from './comparison.ts'
import { mixture, ownHash } from './hashes.ts'
import { ask, type Question, questions } from './questions.ts'
import { rankSum } from './rank-sum.ts'
import { makeWorld, type State, type World } from './world.ts'

// The short form of `npm run timing`, which finds less: other tests run beside it.
const TIMES = 150
/** How often it looks for what is planted. Once is enough, unless other tests make the answers come ten times as unevenly. */
const MOST_LOOKS = 5

/** Looks that count together (Stouffer 1949). */
const together = (deviations: readonly number[]): number =>
  deviations.reduce((sum, one) => sum + one, 0) / Math.sqrt(deviations.length)

/** Whether answers that take so much longer are found. @param delay milliseconds */
async function isFound(world: World, question: Question, delay: number): Promise<boolean> {
  const looks: number[] = []
  while (looks.length < MOST_LOOKS) {
    looks.push((await ask(world, question, 'known', TIMES, delay)).deviation)
    if (together(looks) > MOST_DEVIATION) return true
  }
  return false
}

/**
 * Holds answers for one state against those for unknown addresses. What chance brings once in two thousand comparisons it brings here
 * every few hundred runs, so a suspicion is looked into twice more: a leak is there again, and chance is not.
 */
async function isAlike(t: Test, world: World, question: Question, state: State): Promise<void> {
  const first = await ask(world, question, state, TIMES)
  const looks = [first.deviation]
  while (!first.alike && looks.length < 3) looks.push((await ask(world, question, state, TIMES)).deviation)
  const told = `${question.name}, ${state}: ${looks.map((look) => look.toFixed(1)).join(', ')} sigma`
  t.ok(Math.abs(together(looks)) <= MOST_DEVIATION, told)
  t.same(first.statuses[0], first.statuses[1], question.name)
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
    await isAlike(t, world, question, question.states[0] ?? 'known')
  }
  const login = questions.find(({ name }) => name === 'login') as Question
  t.ok(await isFound(world, login, 2), 'two milliseconds more would be found')
})

t.test('nor where hashes of several kinds were brought along', async (t) => {
  const world = await makeWorld({}, await mixture())
  t.teardown(() => world.close())
  const login = questions.find(({ name }) => name === 'login') as Question

  for (const state of ['known', 'without password'] as const) await isAlike(t, world, login, state)
})
