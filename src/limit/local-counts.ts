/** How often a bucket was counted in its window, and milliseconds until it is empty again. */
export type Count = { current: number; ttl: number }

/** Buckets that are remembered, a few MiB. The least recently used goes first: a flood only keeps its own buckets fresh. */
const MOST_BUCKETS = 20_000

/** Fixed windows in this process's memory; bounded, whatever keys clients make up. */
export class LocalCounts {
  readonly #buckets = new Map<string, { current: number; endsAt: number }>()
  readonly #most: number

  constructor(most = MOST_BUCKETS) {
    this.#most = most
  }

  get size(): number {
    return this.#buckets.size
  }

  /** @param window milliseconds */
  add(key: string, window: number): Count {
    const now = performance.now()
    const known = this.#buckets.get(key)
    if (known !== undefined) this.#buckets.delete(key) // to the end of the line
    const isOpen = known !== undefined && wholeMilliseconds(known.endsAt - now) > 0
    const bucket = isOpen ? known : { current: 0, endsAt: now + window }
    bucket.current += 1
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#most) this.#buckets.delete(this.#buckets.keys().next().value as string)
    return { current: bucket.current, ttl: wholeMilliseconds(bucket.endsAt - now) }
  }
}

/** A fraction that sums of such times leave over would make 61 s of 60, or keep a window open for no time at all. */
const wholeMilliseconds = Math.round
