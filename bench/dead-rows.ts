import { secretsOf } from '../src/keys/secrets.ts'
import { type Pace, quiet } from './compare.ts'
import { fill } from './fill.ts'
import { type Limits, median, percentile, runSlice, type Send } from './load.ts'
import { makeMembers } from './members.ts'
import { ourSide } from './our-side.ts'
import { ring } from './side.ts'
import type { World } from './world.ts'

type Logins = { perSecond: number; p50: number; p99: number }
/** Whole logins by code beside ended rows, and without any; milliseconds. */
export type DeadRows = {
  rows: number
  bytes: number
  /** Seconds that writing them took. */
  filling: number
  empty: Logins
  filled: Logins
  /** Filled by empty, of the p99: the median of the rounds' own ratios, and the least and the most of them. */
  ratio: number
  ratioRange: [number, number]
}

const CONNECTIONS = 16
/** Each signs in a few times at the most, so that no lane of an address is spent. */
const MEMBERS = 30_000
const LEAST_ROUNDS = 5

/** Two databases of one server, alike but for the ended rows of one, each with a service of its own, by turns. */
export async function amongDeadRows(world: World, count: number, pace: Pace): Promise<DeadRows> {
  const keyId = secretsOf([Buffer.from(world.secretKey, 'base64url')]).ring.newest.id
  const twin = await world.startTwin()
  const [empty, filled] = [await prepare(world), await prepare(twin)]
  const started = performance.now()
  const bytes = await fill(twin.pool, count, keyId)
  const filling = (performance.now() - started) / 1000

  for (const side of [empty, filled]) await side.run({ seconds: 1 })
  const rounds = Math.max(LEAST_ROUNDS, pace.rounds)
  const p99s = new Map([empty, filled].map((side) => [side, [] as number[]]))
  for (const side of [empty, filled]) side.forget()
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? [empty, filled] : [filled, empty])
      p99s.get(side)?.push(percentile(await side.run(pace), 0.99))

  const ratios = (p99s.get(filled) ?? []).map((p99, round) => p99 / (p99s.get(empty)?.[round] ?? Number.NaN))
  return {
    rows: count,
    bytes,
    filling,
    empty: empty.speed(),
    filled: filled.speed(),
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)]
  }
}

/** Members who log in by turns at one of the two. */
async function prepare(world: World) {
  const side = await ourSide(world, 1)
  const emails = await makeMembers(world.pool, MEMBERS, 'argon2id')
  const next = ring(MEMBERS)
  const step = async (send: Send): Promise<boolean> => {
    await side.loginAs(send, emails[next()] as string)
    return true
  }
  let rates: number[] = []
  let latencies: number[] = []
  return {
    run: async (limits: Limits): Promise<readonly number[]> => {
      const slice = await runSlice(world.service.url, CONNECTIONS, step, { seconds: limits.seconds })
      rates.push(slice.rate)
      for (const latency of slice.latencies) latencies.push(latency)
      await quiet(world, side)
      return slice.latencies
    },
    forget: () => {
      rates = []
      latencies = []
    },
    speed: (): Logins => ({
      perSecond: median(rates),
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99)
    })
  }
}
