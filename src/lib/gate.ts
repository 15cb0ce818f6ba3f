import { milliseconds } from './time.ts'

type GateOptions = {
  /** How many pieces of work may run at once. */
  places: number
  /** The most seconds to wait for a place. */
  patience: number
  refusal: () => Error
}

/** Lets in so many pieces of work at once, first come, first served; throws `refusal()` to who has waited too long. */
export class Gate {
  readonly #options: GateOptions
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(options: GateOptions) {
    this.#options = options
    this.#free = options.places
  }

  get waiting(): number {
    return this.#waiting.size
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const { patience, refusal } = this.#options
    await new Promise<void>((resolve, reject) => {
      const letIn = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(letIn)
        reject(refusal())
      }, milliseconds(patience))
      this.#waiting.add(letIn)
    })
  }

  /** Gives the place to who has waited longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
