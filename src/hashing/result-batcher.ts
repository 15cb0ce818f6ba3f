import { milliseconds } from '../lib/time.ts'

/** The most seconds a result is held back for others. */
const LATEST = 0.1
/** The most results handed over together: all other requests wait behind them. */
const MOST = 12
/** Jobs that must be waiting for a thread, so that holding results back leaves no thread idle. */
const STILL_WAITING = 4

/**
 * While more jobs wait, hands over the results of a tenth of a second together. A hash empties the processor's caches, so the
 * code that runs after it starts with cold caches: finishing several logins in a row takes half the time of finishing each alone.
 * Where hashes take so long that no other result comes in time, each is handed over at once.
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
