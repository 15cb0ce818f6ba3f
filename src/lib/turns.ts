/** Runs the work of one key in order, one at a time; keys do not wait for each other. Beyond `most` waiting, throws `refusal()`. */
export class Turns {
  readonly #lines = new Map<string, { last: Promise<unknown>; length: number }>()
  readonly #most: number
  readonly #refusal: () => Error

  constructor(options: { most: number; refusal: () => Error }) {
    this.#most = options.most
    this.#refusal = options.refusal
  }

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { last: Promise.resolve(), length: 0 }
    if (line.length > this.#most) throw this.#refusal()
    this.#lines.set(name, line)
    line.length += 1
    const mine = line.last.then(work)
    line.last = mine.catch(() => {}) // its own caller gets the error
    try {
      return await mine
    } finally {
      line.length -= 1
      if (line.length === 0) this.#lines.delete(name)
    }
  }
}
