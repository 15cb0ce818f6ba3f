import { setTimeout as sleep } from 'node:timers/promises'
import { processorTime } from './children.ts'
import { type Limits, median, percentile, runSlice } from './load.ts'
import type { Row, Side } from './side.ts'
import type { World } from './world.ts'

/** Times in milliseconds, `cpu` in microseconds of the server's own process a step. */
type Speed = { perSecond: number; p50: number; p99: number; cpu?: number }
export type Comparison = {
  row: Row
  connections: number
  ours: Speed
  ideal: Speed
  /** Ours by ideal: the median of the rounds' own ratios, and the least and the most of them. */
  ratio: number
  ratioRange: [number, number]
  /** Mails that left while our slices ran, as a share of those that were promised in them. */
  mailsSent?: number
}

const mailing: ReadonlySet<Row> = new Set(['request', 'login', 'forgot'])

export type Pace = { seconds: number; rounds: number }

/** Steps a second that are prepared for; a slice that is faster ends early, and its rate is true all the same. */
const MOST_STEPS = 3500
const WARM_UP_CONNECTIONS = 16
const PATIENCE = 60

/** Lets both compile and remember what the row needs, before anything is measured. @param seconds for each, at least */
export async function warmUp(world: World, sides: readonly Side[], row: Row, seconds: number): Promise<void> {
  for (const { prepare, server, steps, firstSteps } of sides) {
    await prepare(row, MOST_STEPS * seconds)
    const run = (limits: Limits) => runSlice(server.url, WARM_UP_CONNECTIONS, steps[row], limits)
    if (firstSteps[row] !== undefined) await run({ seconds: PATIENCE, steps: firstSteps[row] })
    await run({ seconds })
  }
  for (const side of sides) await quiet(world, side)
}

type Collected = { rates: number[]; latencies: number[]; cpu: number[] }

/** Runs both by turns in short slices, so that whatever else the machine does meets them alike. */
export async function compare(
  world: World,
  [ours, ideal]: readonly [Side, Side],
  row: Row,
  connections: number,
  { seconds, rounds }: Pace
): Promise<Comparison> {
  const collected = new Map([ours, ideal].map((side) => [side, { rates: [], latencies: [], cpu: [] } as Collected]))
  const shares: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? [ours, ideal] : [ideal, ours]) {
      await side.prepare(row, MOST_STEPS * seconds)
      const [mails, cpu] = [await side.sentMails?.(), processorTime(side.server.process)]
      const slice = await runSlice(side.server.url, connections, side.steps[row], { seconds })
      const [mailsAfter, cpuAfter] = [await side.sentMails?.(), processorTime(side.server.process)]
      const steps = slice.latencies.length
      const into = collected.get(side)
      into?.rates.push(slice.rate)
      for (const latency of slice.latencies) into?.latencies.push(latency)
      if (cpu !== undefined && cpuAfter !== undefined) into?.cpu.push(((cpuAfter - cpu) * 1000) / steps)
      if (mails !== undefined && mailsAfter !== undefined) shares.push((mailsAfter - mails) / steps)
      await quiet(world, side)
    }
  }
  const of = (side: Side): Collected => collected.get(side) as Collected
  const speed = (side: Side): Speed => ({
    perSecond: median(of(side).rates),
    p50: percentile(of(side).latencies, 0.5),
    p99: percentile(of(side).latencies, 0.99),
    ...(of(side).cpu.length > 0 && { cpu: median(of(side).cpu) })
  })
  const ratios = of(ours).rates.map((rate, round) => rate / (of(ideal).rates[round] ?? Number.NaN))
  return {
    row,
    connections,
    ours: speed(ours),
    ideal: speed(ideal),
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    ...(mailing.has(row) && { mailsSent: median(shares) })
  }
}

const QUIET_FOR = 250 // milliseconds without a mail

/**
 * A service that is asked for codes faster than it can mail them owes mails afterwards. They are called off here: sent
 * during the other side's slice, they would slow down the wrong one.
 */
export async function quiet({ pool }: World, side: Side): Promise<void> {
  if (side.sentMails === undefined) return
  for (let [before, now] = [-1, await side.sentMails()]; before !== now; ) {
    // Without the rows that the courier is marking: it takes them in another order, and one of the two would have to give way.
    await pool.query(
      `update postern.mail set state = 'expired', settled_at = now()
       where id in (select id from postern.mail where state = 'queued' for update skip locked)`
    )
    await sleep(QUIET_FOR)
    before = now
    now = await side.sentMails()
  }
}
