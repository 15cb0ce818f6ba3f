/** Measures the service against the least that could do its work; README.md beside this file tells how to read it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { residentMemory } from './children.ts'
import { compare, quiet, warmUp } from './compare.ts'
import { amongDeadRows } from './dead-rows.ts'
import { idealSide } from './ideal-side.ts'
import { median } from './load.ts'
import { mailDelay } from './mail-delay.ts'
import { ourSide } from './our-side.ts'
import { measurePasswords, passwordRows } from './passwords.ts'
import { type Results, tableHead, tableLine, verdicts } from './report.ts'
import { loadVerdicts } from './report-loads.ts'
import { rows } from './side.ts'
import { countStatements } from './statements.ts'
import { type World, withWorld } from './world.ts'

const HEAVY = 'dead'
const extras = [...passwordRows, 'mail', 'statements', 'start', 'memory']
const USAGE = `npm run bench -- [options]
  --quick              about two minutes, for a first look: one short round
  --only NAMES         of ${[...rows, ...extras].join(', ')},
                       or ${HEAVY}, which is not among those done by default (comma between)
  --connections LIST   default 1,16,64
  --seconds N          length of a slice (2.5)
  --rounds N           slices of each side (3)
  --dead-rows N        rows that ${HEAVY} writes (10,000,000: some GB, and minutes)
  --profile            write CPU profiles of both servers beside the results
Postgres is the embedded one, or BENCH_DATABASE_URL (a role that may create databases).`

const USERS = 10_000
const RESULTS = join(import.meta.dirname, 'results')

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      connections: { type: 'string', default: '1,16,64' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      'dead-rows': { type: 'string', default: '10000000' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const quick = values.quick
  const only = values.only?.split(',').map((name) => name.trim()) ?? [...rows, ...extras]
  const unknown = only.filter((name) => ![...rows, ...extras, HEAVY].includes(name))
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}\n${USAGE}`)
  const options = {
    quick,
    only: new Set(only),
    connections: values.connections.split(',').map(Number),
    pace: { seconds: Number(values.seconds ?? (quick ? 1 : 2.5)), rounds: Number(values.rounds ?? (quick ? 1 : 3)) },
    deadRows: Number(values['dead-rows']),
    profile: values.profile,
    help: values.help
  }
  const numbers = [...options.connections, options.pace.seconds, options.pace.rounds, options.deadRows]
  if (!numbers.every((number) => number > 0)) throw new Error(`numbers must be above 0\n${USAGE}`)
  return options
}

type Options = ReturnType<typeof readOptions>

async function measure(world: World, options: Options, results: Results): Promise<void> {
  const { quick, only, connections, pace } = options
  const sides = [await ourSide(world, USERS), await idealSide(world, USERS)] as const
  const [ours] = sides
  results.machine.postgres = world.postgres
  console.log(`Postgres ${world.postgres}; ${USERS} users; ${pace.rounds} × ${pace.seconds} s a side, by turns\n`)

  const chosen = rows.filter((row) => only.has(row))
  if (chosen.length > 0) console.log(tableHead())
  for (const row of chosen) {
    await warmUp(world, sides, row, Math.min(1, pace.seconds))
    for (const count of connections) {
      const found = await compare(world, sides, row, count, pace)
      results.comparisons.push(found)
      console.log(tableLine(found))
    }
  }
  results.passwords = await measurePasswords(world, ours, options)
  if (only.has('memory')) {
    const memory = residentMemory(world.service.process)
    if (memory !== undefined) results.memory = memory
  }
  if (only.has('mail')) {
    await quiet(world, ours)
    results.mail = await mailDelay(world, 50, quick ? 4 : 10)
  }
  if (only.has('statements')) {
    for (const [count, logins] of [
      [1, 200],
      [16, 1000]
    ] as const) {
      await quiet(world, ours)
      results.statements.push(await countStatements(world, ours.steps.login, { count, logins }))
    }
  }
  if (only.has('start')) {
    for (let time = 0; time < (quick ? 3 : 5); time++) {
      const instance = await world.startService()
      results.coldStarts.push(instance.readyAfter)
      await instance.stop()
    }
    results.coldStart = median(results.coldStarts)
  }
  if (only.has(HEAVY)) results.dead = await amongDeadRows(world, options.deadRows, pace)
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) {
    console.log(USAGE)
    return
  }
  const started = performance.now()
  const results: Results = {
    at: new Date().toISOString(),
    machine: { cpus: availableParallelism(), model: cpus()[0]?.model ?? '', node: process.version, postgres: '' },
    pace: options.pace,
    comparisons: [],
    statements: [],
    coldStarts: []
  }
  mkdirSync(RESULTS, { recursive: true })
  const name = results.at.replace(/[:.]/g, '-')
  const profile = options.profile ? join(RESULTS, name) : undefined
  await withWorld(profile, (world) => measure(world, options, results))

  const file = join(RESULTS, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  const { passwords, dead } = results
  const lines = [...verdicts(results), ...loadVerdicts({ shares: [], ...passwords, ...(dead && { dead }) })]
  console.log(`\n${lines.join('\n')}`)
  console.log(
    `\n${file}${profile ? `\n${profile}-{service,ideal}.cpuprofile` : ''} (${((performance.now() - started) / 1000).toFixed(0)} s)`
  )
}

try {
  await main()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
