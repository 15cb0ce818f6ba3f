/**
 * npm run timing: asks every public operation about addresses of every state, and about unknown ones in between, and says
 * whether the times could tell them apart. `--times N` asks so often of each (10,000), `--only NAME,NAME` asks these operations.
 */
import { parseArgs } from 'node:util'
import { prepareTemplate, testServer } from '../database.ts'
import type { Compared } from './comparison.ts'
import { mixture, ownHash } from './hashes.ts'
import { ask, type Question, questions } from './questions.ts'
import { makeWorld, type State, type World } from './world.ts'

const { values } = parseArgs({ options: { times: { type: 'string', default: '10000' }, only: { type: 'string' } } })
const times = Number(values.times)
const only = values.only?.split(',')
const unheardOf = only?.filter((wanted) => questions.every(({ name }) => name !== wanted)) ?? []
const fault =
  unheardOf.length > 0
    ? `no such operation: ${unheardOf.join(', ')}; there are ${questions.map(({ name }) => name).join(', ')}`
    : !(Number.isInteger(times) && times > 0) && `--times must be a number above 0, and not ${values.times}`
if (fault) {
  console.error(fault)
  process.exit(2) // and not the good news that nothing told
}
const chosen = questions.filter(({ name }) => only === undefined || only.includes(name))
let leaks = 0

function print(
  name: string,
  state: string,
  { share, deviation, alike, medians, statuses }: Compared,
  expected = true
): void {
  if (alike !== expected) leaks += 1
  const [unknown, other] = medians.map((median) => `${median.toFixed(2)} ms`)
  const verdict = alike === expected ? 'ok' : expected ? 'TELLS' : 'NOT FOUND'
  const answers = statuses.map((counts) => Object.keys(counts).join('+')).join(' / ')
  console.log(
    [
      name.padEnd(20),
      state.padEnd(18),
      share.toFixed(4),
      deviation.toFixed(1).padStart(6),
      unknown,
      other,
      answers,
      verdict
    ].join('  ')
  )
}

async function inWorld(
  settings: Record<string, string>,
  hashes: readonly string[],
  work: (world: World) => Promise<void>
) {
  const world = await makeWorld(settings, hashes)
  try {
    await work(world)
  } finally {
    await world.close()
  }
}

const login = questions.find(({ name }) => name === 'login') as Question
const otp = questions.find(({ name }) => name === 'otp') as Question
const server = await testServer()
process.env.TEST_DATABASE_URL = server.url
try {
  await prepareTemplate(server.url)
  console.log('operation             state               share   sigma  unknown  other    answers    verdict')

  await inWorld({}, [await ownHash(4)], async (world) => {
    for (const question of chosen)
      for (const state of question.states) print(question.name, state, await ask(world, question, state, times))
    if (only !== undefined) return
    print('otp, 200 µs planted', 'known', await ask(world, otp, 'known', times, 0.2), false)
    print('login, 2 ms planted', 'known', await ask(world, login, 'known', Math.min(times, 2000), 2), false)
  })

  if (only === undefined || only.includes('login')) {
    await inWorld({}, await mixture(), async (world) => {
      for (const state of ['known', 'without password'] satisfies State[])
        print('login, imported', state, await ask(world, login, state, Math.min(times, 2000)))
    })
    await inWorld({ BCRYPT_COST: '10' }, [await ownHash(10)], async (world) => {
      for (const state of ['known', 'without password'] satisfies State[])
        print('login at cost 10', state, await ask(world, login, state, Math.min(times, 200)))
    })
  }
} finally {
  await server.stop()
}

console.log(leaks === 0 ? 'nothing tells who has an account' : `${leaks} of these tell`)
process.exitCode = leaks === 0 ? 0 : 1
