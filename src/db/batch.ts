import { milliseconds } from '../lib/time.ts'
import { DatabaseUnavailable, isConflict } from './failure.ts'
import type { Db } from './tables.ts'

/** The most calls that one statement serves; more would make the first wait for the last. */
const LARGEST_BATCH = 100
/** With this many waiting calls per statement under way, another statement starts before any of those is back. */
const WORTH_A_STATEMENT = 5
/** The most seconds a call waits for others. */
const LONGEST_WAIT = 0.003

type Run<Key, Found> = (db: Db, keys: readonly Key[], tries?: number) => Promise<Found[]>

type Call<Key, Found> = {
  key: Key
  resolve: (found: Found | undefined) => void
  reject: (error: unknown) => void
}

export type BatchOptions<Key> = {
  /** The most statements under way at once. With few of them the calls that come meanwhile share the next. Without it: any number. */
  maxInFlight?: number
  /** What no two calls of one statement may have in common, such as the row that they change. */
  conflictKey?: (key: Key) => string
  /** Waits for statements of its own kind only: what is quick must not wait for what is not. */
  quick?: boolean
}

/** The batched statements under way at a database, and what to do for the queues that wait for one to come back. */
type Traffic = { inFlight: number; waiting: Set<() => void> }

const traffics = new WeakMap<Db, Traffic>()

function trafficOf(db: Db): Traffic {
  const traffic = traffics.get(db) ?? { inFlight: 0, waiting: new Set() }
  traffics.set(db, traffic)
  return traffic
}

/** The calls of one kind at one database. */
class Queue<Key, Found extends { place: number }> {
  readonly #db: Db
  readonly #run: Run<Key, Found>
  readonly #options: BatchOptions<Key>
  readonly #maxInFlight: number
  readonly #traffic: Traffic
  readonly #onReturn = (): void => this.#schedule()
  #calls: Call<Key, Found>[] = []
  #inFlight = 0
  #isScheduled = false
  #timer: NodeJS.Timeout | undefined

  constructor(db: Db, run: Run<Key, Found>, options: BatchOptions<Key>) {
    this.#db = db
    this.#run = run
    this.#options = options
    this.#maxInFlight = options.maxInFlight ?? Number.POSITIVE_INFINITY
    this.#traffic = trafficOf(db)
  }

  add(key: Key): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ key, resolve, reject })
      this.#schedule()
    })
  }

  /** Starts a statement in this turn of the event loop, unless it is worth waiting for more calls. */
  #schedule(hasWaited = false): void {
    if (this.#isScheduled || this.#calls.length === 0 || this.#inFlight >= this.#maxInFlight) return
    const underWay = this.#options.quick ? this.#inFlight : this.#traffic.inFlight
    if (!hasWaited && this.#calls.length < WORTH_A_STATEMENT * underWay) {
      this.#traffic.waiting.add(this.#onReturn)
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.#schedule(true)
      }, milliseconds(LONGEST_WAIT))
      return
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#start(this.#maxInFlight)
    })
  }

  #start(maxInFlight: number): void {
    while (this.#calls.length > 0 && this.#inFlight < maxInFlight) {
      this.#inFlight += 1
      this.#traffic.inFlight += 1
      void this.#answer(this.#takeBatch()).then((wasReached) => {
        const wasFull = this.#inFlight >= this.#maxInFlight
        this.#inFlight -= 1
        this.#traffic.inFlight -= 1
        // Calls that waited for a full queue have waited enough. In an outage they do not wait one after another: all learn of it now.
        if (wasReached) this.#schedule(wasFull)
        else this.#start(Number.POSITIVE_INFINITY)
        const waiting = [...this.#traffic.waiting]
        this.#traffic.waiting.clear()
        for (const onReturn of waiting) onReturn()
      })
    }
  }

  #takeBatch(): Call<Key, Found>[] {
    const { conflictKey } = this.#options
    if (conflictKey === undefined) return this.#calls.splice(0, LARGEST_BATCH)
    const taken = new Set<string>()
    const batch: Call<Key, Found>[] = []
    this.#calls = this.#calls.filter((call) => {
      const name = conflictKey(call.key)
      if (batch.length >= LARGEST_BATCH || taken.has(name)) return true
      taken.add(name)
      batch.push(call)
      return false
    })
    return batch
  }

  /** @returns whether the database was there */
  async #answer(batch: readonly Call<Key, Found>[]): Promise<boolean> {
    try {
      const keys = batch.map(({ key }) => key)
      const rows = await this.#run(this.#db, keys, batch.length > 1 ? 1 : undefined)
      const found = new Map(rows.map((row) => [row.place, row]))
      for (const [index, { resolve }] of batch.entries()) resolve(found.get(index + 1))
      return true
    } catch (error) {
      if (batch.length > 1 && isConflict(error)) {
        // One of them met a row that somebody holds. The others must not be refused for it, nor wait for its further tries.
        for (const call of batch) void this.#answer([call])
        return true
      }
      for (const { reject } of batch) reject(error)
      return !(error instanceof DatabaseUnavailable)
    }
  }
}

/**
 * Lets calls that come at the same time share one statement, as a DataLoader does. Each is still answered by a statement that began
 * after the call, so that nobody sees older data than without sharing; under load one round trip, plan and commit serve many calls.
 *
 * While nothing is under way at the database, a call starts in the same turn of the event loop. Otherwise it waits for what is
 * under way, even of another kind (but see `quick`), or until enough calls have come: half the cost of a statement is the same
 * for any number.
 *
 * @param run answers all keys at once; rows name their key's place in the list, from 1. `tries`: how often it may meet a conflict
 */
export function batched<Key, Found extends { place: number }>(
  run: Run<Key, Found>,
  options: BatchOptions<Key> = {}
): (db: Db, key: Key) => Promise<Found | undefined> {
  const queues = new WeakMap<Db, Queue<Key, Found>>()
  return (db, key) => {
    let queue = queues.get(db)
    if (queue === undefined) {
      queue = new Queue(db, run, options)
      queues.set(db, queue)
    }
    return queue.add(key)
  }
}
