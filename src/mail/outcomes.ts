import { isFaultOfValues } from '../db/failure.ts'
import type { Db } from '../db/tables.ts'
import { milliseconds } from '../lib/time.ts'
import type { DomainQueues } from './domain-queues.ts'
import { type Settled, settleMails } from './store.ts'

/** Mails and seconds until marks are written. A crash may send twice what these marks and those being written are about. */
const BATCH = 50
const FLUSH_AFTER = 0.25

/** Writes the outcomes of mails in batches. While that fails, no more mails are sent: they could not be marked either. */
export class Outcomes {
  readonly #db: Db
  readonly #queues: DomainQueues
  readonly #onError: (error: unknown) => void
  #pending: Settled[] = []
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined

  constructor(db: Db, queues: DomainQueues, onError: (error: unknown) => void) {
    this.#db = db
    this.#queues = queues
    this.#onError = onError
  }

  add(settled: Settled): void {
    this.#pending.push(settled)
    if (this.#pending.length >= BATCH) {
      this.#queues.pause()
      void this.#flush()
    } else this.#flushSoon()
  }

  /** Writes the rest; a mail that cannot be marked is sent again by the instance that takes it over. */
  async close(): Promise<void> {
    await this.#flushing
    await this.#flush()
    clearTimeout(this.#timer)
  }

  /** @returns what could not be written and is to be tried again */
  async #settle(batch: readonly Settled[]): Promise<readonly Settled[]> {
    try {
      await settleMails(this.#db, {
        ids: batch.map((settled) => settled.id),
        states: batch.map((settled) => settled.state),
        answers: batch.map((settled) => settled.answer ?? '')
      })
      return []
    } catch (error) {
      this.#onError(error)
      if (!isFaultOfValues(error)) return batch
      // One that cannot be written must not keep the others from it. It is let go, and taken up again when its lease has run out.
      if (batch.length === 1) return []
      const left: Settled[] = []
      for (const one of batch) left.push(...(await this.#settle([one])))
      return left
    }
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined // also when a flush is under way, which keeps this one from beginning
      void this.#flush()
    }, milliseconds(FLUSH_AFTER))
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#pending.splice(0)
    if (batch.length === 0) return
    this.#pending.unshift(...(await this.#settle(batch)))
    if (this.#pending.length < BATCH) this.#queues.resume()
    if (this.#pending.length > 0) this.#flushSoon()
  }
}
