import type { Logger } from 'pino'
import { MINUTE, milliseconds, monotonicNow } from '../lib/time.ts'

/** Refusals that have a line of their own in a second: some 2 GB a day. A flood must not fill the disk that the log is on. */
const MOST_LINES = 100

/** Decides which refusals are logged one by one, and tells once a minute how many others there were. */
export class RefusalLog {
  readonly #log: Logger
  #second = 0
  #lines = 0
  #unsaid = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** Whether one more refusal has a line of its own. At `debug` every answer has; what failed on our side is none. */
  takes(): boolean {
    if (this.#log.isLevelEnabled('debug')) return true
    if (!this.#log.isLevelEnabled('info')) return false
    const second = Math.floor(monotonicNow())
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    this.#lines += 1
    if (this.#lines <= MOST_LINES) return true
    if (this.#unsaid === 0) setTimeout(() => this.tell(), milliseconds(MINUTE)).unref()
    this.#unsaid += 1
    return false
  }

  /** Tells how many had no line, if there were any. */
  tell(): void {
    if (this.#unsaid > 0) this.#log.warn({ refusals: this.#unsaid }, 'too many refusals to log each of them')
    this.#unsaid = 0
  }
}
