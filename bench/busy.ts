import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './children.ts'
import type { Pace } from './compare.ts'
import { median, percentile, runSlice, type Step } from './load.ts'

/** Session checks while others log in by password, and while nobody does; milliseconds. */
export type Busy = {
  quiet: { perSecond: number; p50: number; p99: number }
  busy: { perSecond: number; p50: number; p99: number }
  /** Password logins a second, meanwhile. */
  logins: number
  /** Busy by quiet, of the p99: the median of the rounds' own ratios, and the least and the most of them. */
  ratio: number
  ratioRange: [number, number]
}

const CONNECTIONS = 16
const CLIENTS = 16
/** Seconds until every thread hashes. */
const HEAD_START = 0.5

/** Runs session checks by turns alone and beside clients that do nothing but log in. */
export async function besideLogins(
  server: Child,
  { session, password }: { session: Step; password: Step },
  { seconds, rounds }: Pace
): Promise<Busy> {
  const p99s: { quiet: number[]; busy: number[] } = { quiet: [], busy: [] }
  const found = { quiet: new Collected(), busy: new Collected() }
  const logins: number[] = []
  const check = async (kind: 'quiet' | 'busy') => {
    const slice = await runSlice(server.url, CONNECTIONS, session, { seconds })
    p99s[kind].push(percentile(slice.latencies, 0.99))
    found[kind].add(slice)
  }
  const beside = async () => {
    const others = runSlice(server.url, CLIENTS, password, { seconds: HEAD_START + seconds })
    await sleep(HEAD_START * 1000)
    await check('busy')
    logins.push((await others).rate)
  }
  for (let round = 0; round < rounds; round++)
    for (const turn of round % 2 === 0 ? [() => check('quiet'), beside] : [beside, () => check('quiet')]) await turn()

  const ratios = p99s.busy.map((p99, round) => p99 / (p99s.quiet[round] ?? Number.NaN))
  return {
    quiet: found.quiet.speed(),
    busy: found.busy.speed(),
    logins: median(logins),
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)]
  }
}

class Collected {
  readonly #rates: number[] = []
  readonly #latencies: number[] = []

  add({ rate, latencies }: { rate: number; latencies: readonly number[] }): void {
    this.#rates.push(rate)
    for (const latency of latencies) this.#latencies.push(latency)
  }

  speed() {
    const at = (share: number): number => percentile(this.#latencies, share)
    return { perSecond: median(this.#rates), p50: at(0.5), p99: at(0.99) }
  }
}
