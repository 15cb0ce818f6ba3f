import { milliseconds } from '../lib/time.ts'
import { DatabaseUnavailable, isConflict } from './failure.ts'
import type { Db } from './tables.ts'

/** The most calls that one statement serves; more would make the first wait for the last. */
const AT_ONCE = 100
/** With this many waiting calls per statement under way, another statement starts before any of those is back. */
const ENOUGH = 5
/** The most seconds a call waits for others. */
const LONGEST_WAIT = 0.003

type Waiting<Key, Found> = {
  key: Key
  resolve: (found: Found | undefined) => void
  reject: (error: unknown) => void
}

export type GatherOptions<Key> = {
  /** Statements under way at once. Few of them let the calls that come meanwhile share the next. Without it: any number. */
  inFlight?: number
  /** What no two calls of one statement may have in common, such as the row that they change. */
  apart?: (key: Key) => string
  /** Waits for statements of its own kind only: what is quick must not wait for what is not. */
  quick?: boolean
}

/** The gathered statements under way at a database, and the lines that wait for them to come back. */
type Traffic = { underWay: number; held: Set<() => void> }

const traffics = new WeakMap<Db, Traffic>()

function trafficOf(db: Db): Traffic {
  const traffic = traffics.get(db) ?? { underWay: 0, held: new Set() }
  traffics.set(db, traffic)
  return traffic
}

/**
 * Lets calls that come at the same time share one statement. Each is still answered by a statement that began after the call, so
 * that nobody sees older data than without sharing; under load one round trip, plan and commit serve many calls.
 *
 * While nothing is under way at the database, a call starts in the same turn of the event loop. Otherwise it waits for what is
 * under way, even of another kind (but see `quick`), or until enough calls have come: half the cost of a statement is the same
 * for any number.
 *
 * @param run answers all keys at once; rows name their key's place in the list, from 1. `tries`: how often it may meet a conflict
 */
export function gathered<Key, Found extends { place: number }>(
  run: (db: Db, keys: readonly Key[], tries?: number) => Promise<Found[]>,
  { inFlight = Number.POSITIVE_INFINITY, apart, quick = false }: GatherOptions<Key> = {}
): (db: Db, key: Key) => Promise<Found | undefined> {
  type Line = {
    waiting: Waiting<Key, Found>[]
    running: number
    due: boolean
    again: () => void
    late?: NodeJS.Timeout | undefined
  }
  const lines = new WeakMap<Db, Line>()

  const lineOf = (db: Db): Line => {
    const known = lines.get(db)
    if (known !== undefined) return known
    const line: Line = { waiting: [], running: 0, due: false, again: () => schedule(db, line) }
    lines.set(db, line)
    return line
  }

  /** @returns whether the database was there */
  const answer = async (db: Db, batch: readonly Waiting<Key, Found>[]): Promise<boolean> => {
    try {
      const rows = await run(
        db,
        batch.map(({ key }) => key),
        batch.length > 1 ? 1 : undefined
      )
      const found = new Map(rows.map((row) => [row.place, row]))
      for (const [index, { resolve }] of batch.entries()) resolve(found.get(index + 1))
      return true
    } catch (error) {
      if (batch.length > 1 && isConflict(error)) {
        // One of them met a locked row. The others must neither be refused for it nor wait for its further tries.
        for (const one of batch) void answer(db, [one])
        return true
      }
      for (const { reject } of batch) reject(error)
      return !(error instanceof DatabaseUnavailable)
    }
  }

  const takeBatch = (line: Line): Waiting<Key, Found>[] => {
    if (apart === undefined) return line.waiting.splice(0, AT_ONCE)
    const names = new Set<string>()
    const batch: Waiting<Key, Found>[] = []
    line.waiting = line.waiting.filter((one) => {
      const name = apart(one.key)
      if (batch.length >= AT_ONCE || names.has(name)) return true
      names.add(name)
      batch.push(one)
      return false
    })
    return batch
  }

  const serve = (db: Db, line: Line, most = inFlight): void => {
    const traffic = trafficOf(db)
    while (line.waiting.length > 0 && line.running < most) {
      line.running += 1
      traffic.underWay += 1
      void answer(db, takeBatch(line)).then((reached) => {
        const full = line.running >= inFlight
        line.running -= 1
        traffic.underWay -= 1
        // Waiting calls need not run into an outage one after another: they learn of it now.
        if (reached)
          schedule(db, line, full) // the calls that wait for a full line have waited long enough
        else serve(db, line, Number.POSITIVE_INFINITY)
        for (const again of takeAll(traffic.held)) again()
      })
    }
  }

  const schedule = (db: Db, line: Line, late = false): void => {
    if (line.due || line.waiting.length === 0 || line.running >= inFlight) return
    const { underWay, held } = trafficOf(db)
    if (!late && line.waiting.length < ENOUGH * (quick ? line.running : underWay)) {
      held.add(line.again)
      line.late ??= setTimeout(() => {
        line.late = undefined
        schedule(db, line, true)
      }, milliseconds(LONGEST_WAIT))
      return
    }
    clearTimeout(line.late)
    line.late = undefined
    line.due = true
    setImmediate(() => {
      line.due = false
      serve(db, line)
    })
  }

  return (db, key) =>
    new Promise((resolve, reject) => {
      const line = lineOf(db)
      line.waiting.push({ key, resolve, reject })
      schedule(db, line)
    })
}

function takeAll<T>(set: Set<T>): T[] {
  const all = [...set]
  set.clear()
  return all
}
