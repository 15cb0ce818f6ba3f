import { setTimeout as pause } from 'node:timers/promises'
import { Cron } from 'croner'
import type { Logger } from 'pino'
import { transaction } from '../db/statement.ts'
import type { Db, Tx } from '../db/tables.ts'
import { milliseconds, monotonicNow } from '../lib/time.ts'
import {
  type Done,
  forgetRecipients,
  purgeBudgets,
  purgeChallenges,
  purgeDevices,
  purgeEvents,
  purgeExpiredSessions,
  purgeMails,
  purgeNetworks,
  purgeResets,
  purgeRevokedSessions,
  purgeSigningKeys,
  purgeTallies,
  purgeUnmailedChallenges,
  settleChallenges,
  tryLock
} from './store.ts'

/** Rows per transaction: few enough that nobody waits for it. */
const BATCH = 500
/** Seconds between batches, for requests that wait for a connection. */
const BREATH = 0.005
/** Seconds of one round of settling: a challenge skipped because its row was held must not wait until everything else is done. */
const SETTLE_ROUND = 8
/** Batches of budgets that one round walks on. */
const BUDGET_BATCHES = 20

/** Every ten seconds, every minute, and every hour; the seconds keep them out of each other's way. */
const SETTLE = '*/10 * * * * *'
const PURGE = '5 * * * * *'
const ROTATE = '35 7 * * * *'

type Options = {
  db: Db
  log: Logger
  /** Seconds. */
  eventRetention: number
  /** Seconds. */
  mailRetention: number
  /** Replaces signing keys that have grown old. */
  rotateKeys: () => Promise<unknown>
}

/** Gives back what ended challenges were charged, deletes what nobody needs any more, and renews signing keys. */
export class Housekeeper {
  readonly #options: Options
  #jobs: Cron[] = []
  readonly #running = new Set<Promise<unknown>>()
  #stopped = false
  #lastBudget: Buffer = Buffer.alloc(0)

  constructor(options: Options) {
    this.#options = options
  }

  start(): void {
    const job = (pattern: string, what: string, work: () => Promise<unknown>): Cron =>
      new Cron(pattern, { protect: true, unref: true }, () => this.#attempt(what, work))
    this.#jobs = [
      job(SETTLE, 'settling challenges', () => this.settle()),
      job(PURGE, 'purging', () => this.purge()),
      job(ROTATE, 'rotating signing keys', () => this.rotate())
    ]
  }

  /** Resolves when nothing runs any more; what is left is done by another instance or later. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const job of this.#jobs) job.stop()
    await Promise.all(this.#running)
  }

  /** Settles every challenge that has ended; those of locked addresses wait for the next round. @returns how many */
  async settle(): Promise<number> {
    const skipped: Buffer[] = []
    let total = 0
    for (const end = monotonicNow() + SETTLE_ROUND; !this.#stopped && monotonicNow() < end; ) {
      const [batch] = await this.#locked('settling', (tx) => settleChallenges(tx, { most: BATCH, skipped }))
      if (batch === undefined || batch.done + batch.skipped.length === 0) break
      total += batch.done
      skipped.push(...batch.skipped)
      await pause(milliseconds(BREATH))
    }
    return total
  }

  /** Deletes whatever is past its time. @returns how many rows of each kind, where there were any */
  async purge(): Promise<Record<string, number>> {
    const { eventRetention, mailRetention } = this.#options
    const most = BATCH
    const tasks: Record<string, (tx: Tx) => Promise<Done[]>> = {
      challenges: (tx) => purgeChallenges(tx, { most }),
      unmailedChallenges: (tx) => purgeUnmailedChallenges(tx, { most }),
      resets: (tx) => purgeResets(tx, { most }),
      recipients: (tx) => forgetRecipients(tx, { most, retention: mailRetention }),
      mails: (tx) => purgeMails(tx, { most, retention: eventRetention }),
      events: (tx) => purgeEvents(tx, { most, retention: eventRetention }),
      revokedSessions: (tx) => purgeRevokedSessions(tx, { most }),
      expiredSessions: (tx) => purgeExpiredSessions(tx, { most }),
      devices: (tx) => purgeDevices(tx, { most }),
      networks: (tx) => purgeNetworks(tx, { most }),
      signingKeys: (tx) => purgeSigningKeys(tx, { most }),
      tallies: (tx) => purgeTallies(tx, { most })
    }
    const done: Record<string, number> = {}
    for (const [name, task] of Object.entries(tasks)) done[name] = await this.#batches(name, task)
    done.budgets = await this.#walkBudgets()
    const some = Object.fromEntries(Object.entries(done).filter(([, rows]) => rows > 0))
    if (Object.keys(some).length > 0) this.#options.log.debug({ rows: some }, 'purged')
    return some
  }

  rotate(): Promise<unknown> {
    return this.#options.rotateKeys()
  }

  /** Looks at the next stretch of the budgets, and begins again where the table ends. */
  async #walkBudgets(): Promise<number> {
    let deleted = 0
    for (let batch = 0; batch < BUDGET_BATCHES && !this.#stopped; batch++) {
      const [walked] = await this.#locked('budgets', (tx) => purgeBudgets(tx, { after: this.#lastBudget, most: BATCH }))
      if (walked === undefined) break
      deleted += walked.done
      this.#lastBudget = walked.last ?? Buffer.alloc(0)
      if (walked.last === null) break
      await pause(milliseconds(BREATH))
    }
    return deleted
  }

  async #batches(task: string, work: (tx: Tx) => Promise<Done[]>): Promise<number> {
    let total = 0
    while (!this.#stopped) {
      const done = (await this.#locked(task, work))[0]?.done ?? 0
      if (done === 0) break
      total += done
      await pause(milliseconds(BREATH))
    }
    return total
  }

  /** One batch of a task in a transaction of its own; nothing where another instance is at that task. */
  async #locked<Row>(task: string, work: (tx: Tx) => Promise<Row[]>): Promise<Row[]> {
    return await transaction(this.#options.db, async (tx) => {
      const [lock] = await tryLock(tx, { task })
      return lock?.mine ? await work(tx) : []
    })
  }

  /** A failure is logged and left to the next run: no request depends on it. */
  async #attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    const run = work().catch((error: Error) => this.#options.log.warn({ err: error }, `${what} failed`))
    this.#running.add(run)
    await run
    this.#running.delete(run)
  }
}
