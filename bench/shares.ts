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
  bare?: Pick<Share, 'share' | 'shareRange'>
}

const CONNECTIONS = 16
/** A hash takes long, and a slice ends with whole ones: in a short one that is an error of some percent. */
const LEAST_SECONDS = 5

/** Runs the service and the bare hash by turns. */
export async function shareOfRaw(
  server: Child,
  { what, scheme, step }: { what: Share['what']; scheme: Scheme; step: Step },
  pace: Pace
): Promise<Share> {
  const seconds = Math.max(LEAST_SECONDS, pace.seconds)
  const bare = startHelper('raw-hash.ts', [hashBy(scheme)])
  try {
    await bare.first
    await bare.ask<number>('1')
    await runSlice(server.url, CONNECTIONS, step, { seconds }) // a login a hash: in one second next to nothing is compiled

    const raw: number[] = []
    const rates: number[] = []
    const latencies: number[] = []
    const ours = async () => {
      const slice = await runSlice(server.url, CONNECTIONS, step, { seconds })
      rates.push(slice.rate)
      latencies.push(...slice.latencies)
    }
    const theirs = async () => void raw.push(await bare.ask<number>(String(seconds)))
    for (let round = 0; round < pace.rounds; round++)
      for (const turn of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await turn()

    const shares = rates.map((rate, round) => rate / (raw[round] ?? Number.NaN))
    return {
      what,
      scheme,
      perSecond: median(rates),
      raw: median(raw),
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      share: median(shares),
      shareRange: [Math.min(...shares), Math.max(...shares)]
    }
  } finally {
    bare.stop()
  }
}
