import { milliseconds } from '../lib/time.ts'

/** Results that are handed over together while as many jobs wait. */
const TOGETHER = 4
/** Seconds a result is kept for that at the most. */
const LATEST = 0.15

/**
 * Hands over results several at a time while more jobs wait than that. A hash empties the processor's caches, and whoever is woken
 * after it does all else from memory: done for four logins in a row, it takes two thirds of the time that it takes for each alone.
 * Where hashes take so long that no other comes in time, each is handed over at once.
 */
export class HandOver {
  readonly #held: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  /**
   * @param waiting jobs that wait for a thread
   * @param next seconds until the next result, as they come on average
   */
  add(give: () => void, { waiting, next }: { waiting: number; next: number }): void {
    this.#held.push(give)
    if (waiting < TOGETHER || this.#held.length >= TOGETHER || next > LATEST / 2) this.now()
    else this.#timer ??= setTimeout(() => this.now(), milliseconds(LATEST))
  }

  now(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const give of this.#held.splice(0)) give()
  }
}
