import { monotonicNow } from './time.ts'

/** What is remembered for a while, and of which no more than `most`: what was noted first is forgotten first. */
export class Remembered<Value> {
  readonly #most: number
  readonly #entries = new Map<string, { value: Value; endsAt: number }>()

  constructor(most: number) {
    this.#most = most
  }

  note(key: string, value: Value, seconds: number): void {
    this.#entries.delete(key) // so that it counts as noted now
    this.#entries.set(key, { value, endsAt: monotonicNow() + seconds })
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value as string)
  }

  /** `left`: for how many seconds it is still remembered. */
  find(key: string): { value: Value; left: number } | undefined {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    const left = found.endsAt - monotonicNow()
    return left > 0 ? { value: found.value, left } : undefined
  }

  forget(key: string): void {
    this.#entries.delete(key)
  }
}
