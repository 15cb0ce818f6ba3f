import { milliseconds } from '../lib/time.ts'

/** Seconds a result is kept for others at the most. */
const LATEST = 0.1
/** Results that are handed over together at the most: everybody else's requests stand behind them. */
const MOST = 12
/** Jobs that must wait for a thread meanwhile, so that no thread is idle for it. */
const STILL_WAITING = 4

/**
 * Hands over the results of a tenth of a second together while more jobs wait. A hash empties the processor's caches, and whoever is
 * woken after it does all else from memory: done for several logins in a row, it takes half of the time that it takes for each alone.
 * Where hashes take so long that no other comes in time, each is handed over at once.
 */
export class ResultBatcher {
  readonly #held: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  /**
   * @param waiting jobs that wait for a thread
   * @param next seconds until the next result, as they come on average
   */
  add(give: () => void, { waiting, next }: { waiting: number; next: number }): void {
    this.#held.push(give)
    if (waiting < STILL_WAITING || this.#held.length >= MOST || next > LATEST / 2) this.now()
    else this.#timer ??= setTimeout(() => this.now(), milliseconds(LATEST))
  }

  now(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const give of this.#held.splice(0)) give()
  }
}
