import { type Child, startHelper } from './children.ts'
import type { Pace } from './compare.ts'
import { median, percentile, runSlice, type Step } from './load.ts'
import { hashBy, type Scheme } from './members.ts'

/** What came over HTTP, as a share of what the same cores hash when they do nothing else. */
export type Share = {
  what: 'password' | 'reset'
  scheme: Scheme
  perSecond: number
  raw: number
  p50: number
  p99: number
  /** The median of the rounds' own shares, and the least and the most of them. */
  share: number
  shareRange: [number, number]
  /** The same of a bare Fastify with the same hash, where it was measured. */
  bare?: { share: number; shareRange: [number, number] }
}

const CONNECTIONS = 16
/** A hash takes long, and a slice ends with whole ones: in a short one that is an error of some percent. */
const LEAST_SECONDS = 5

/** Runs the service and the bare hash by turns. @param bare a server that answers the same step with nothing but a hash */
export async function shareOfRaw(
  server: Child,
  { what, scheme, step, bare }: { what: Share['what']; scheme: Scheme; step: Step; bare?: Child },
  pace: Pace
): Promise<Share> {
  const seconds = Math.max(LEAST_SECONDS, pace.seconds)
  const hash = startHelper('raw-hash.ts', [hashBy(scheme)])
  try {
    await hash.first
    await hash.ask<number>('1')
    const slice = (child: Child) => runSlice(child.url, CONNECTIONS, step, { seconds })
    for (const child of [server, bare]) if (child) await slice(child) // in one second next to nothing is compiled

    const raw: number[] = []
    const rates: number[] = []
    const bareRates: number[] = []
    const latencies: number[] = []
    const turns = [
      async () => void raw.push(await hash.ask<number>(String(seconds))),
      async () => {
        const { rate, latencies: its } = await slice(server)
        rates.push(rate)
        latencies.push(...its)
      },
      async () => void (bare && bareRates.push((await slice(bare)).rate))
    ]
    for (let round = 0; round < pace.rounds; round++)
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()

    const sharesOf = (all: readonly number[]) => {
      const shares = all.map((rate, round) => rate / (raw[round] ?? Number.NaN))
      const shareRange: [number, number] = [Math.min(...shares), Math.max(...shares)]
      return { share: median(shares), shareRange }
    }
    return {
      what,
      scheme,
      perSecond: median(rates),
      raw: median(raw),
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      ...sharesOf(rates),
      ...(bare && { bare: sharesOf(bareRates) })
    }
  } finally {
    hash.stop()
  }
}
