import type { Logger } from 'pino'
import { SHORT_CODE } from '../budget/code-store.ts'
import { type Guesses, tallyGuesses } from '../budget/tally-store.ts'
import type { Db } from '../db/tables.ts'
import { milliseconds } from '../lib/time.ts'
import { Trouble } from '../lib/trouble.ts'

/** Seconds between two exchanges with the other instances; in between, each knows only its own count. */
const EVERY = 3

/**
 * Wrong guesses at six digits that an installation may have in 24 hours. One in a million is right, so that an attacker who
 * spreads them over any number of accounts opens one account in three years.
 */
const MOST_WRONG = 1000

/** Where many people sign in, many mistype: one wrong guess per 200 right codes is nothing unusual. */
const MOST_WRONG_SHARE = 0.005

type Options = { db: Db; log: Logger }

/**
 * Counts guesses for the whole installation, outside the requests: in memory, and every few seconds together with all other
 * instances in the database. Says when there are so many that six-digit codes are too short for strangers.
 */
export class GuessTally {
  readonly #options: Options
  readonly #loss: Trouble
  #counted: Guesses = { wrongShort: 0, completed: 0 }
  #known: Guesses = { wrongShort: 0, completed: 0 }
  #strained = false
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> | undefined

  constructor(options: Options) {
    this.#options = options
    this.#loss = new Trouble({
      begins: (error) =>
        options.log.warn({ err: error }, 'could not share the count of wrong guesses with the other instances'),
      ends: () => options.log.info('the count of wrong guesses is shared with the other instances again')
    })
  }

  /** Whether there were more wrong guesses than an installation of this size should have. */
  get strained(): boolean {
    return this.#strained
  }

  /** @param length of the code that was guessed at */
  note(length: number, right: boolean): void {
    if (right) this.#counted.completed += 1
    else if (length === SHORT_CODE) this.#counted.wrongShort += 1
    this.#judge()
  }

  async start(): Promise<void> {
    await this.sync()
    this.#timer = setInterval(() => void this.sync(), milliseconds(EVERY)).unref()
  }

  /** Hands over what was counted last. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#syncing // it took what was counted before it began
    await this.sync()
  }

  /** Exchanges counts with the other instances. A failure is logged, and the count waits for the next exchange. */
  sync(): Promise<void> {
    this.#syncing ??= this.#exchange().finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #exchange(): Promise<void> {
    const given = this.#counted
    this.#counted = { wrongShort: 0, completed: 0 }
    // Counted as known right away, so that guesses under way to the database count too.
    this.#known = sumOf(this.#known, given)
    try {
      const [all] = await tallyGuesses(this.#options.db, given)
      if (all !== undefined) this.#known = all
      this.#loss.ends()
    } catch (error) {
      this.#known = {
        wrongShort: this.#known.wrongShort - given.wrongShort,
        completed: this.#known.completed - given.completed
      }
      this.#counted = sumOf(this.#counted, given)
      this.#loss.begins(error)
    }
    this.#judge()
  }

  #judge(): void {
    const { wrongShort, completed } = sumOf(this.#known, this.#counted)
    const strained = wrongShort >= Math.max(MOST_WRONG, MOST_WRONG_SHARE * completed)
    if (strained === this.#strained) return
    this.#strained = strained
    if (strained)
      this.#options.log.warn(
        { wrongShort, completed },
        'many wrong guesses at six-digit codes across the installation: unknown devices now get eight digits'
      )
    else
      this.#options.log.info(
        { wrongShort, completed },
        'wrong guesses are back to normal: unknown devices get six-digit codes again'
      )
  }
}

const sumOf = (a: Guesses, b: Guesses): Guesses => ({
  wrongShort: a.wrongShort + b.wrongShort,
  completed: a.completed + b.completed
})
