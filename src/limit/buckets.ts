import { type Count, LocalCounts } from './local-counts.ts'
import type { SharedCounts } from './shared-counts.ts'

type Done = (error: Error | null, count?: Count) => void

/** While the shared server is lost, each request counts double: several instances together must not let through much more. */
const STRICT = 2

/**
 * The store that @fastify/rate-limit counts in. Its own Redis store has two choices when the server is lost, to fail the request
 * or to let it pass; this one goes on counting in memory, more strictly.
 */
export function bucketStore(shared: SharedCounts | undefined, local = new LocalCounts()) {
  return class Buckets {
    incr(key: string, done: Done, window: number): void {
      const mine = local.add(key, window)
      if (shared === undefined) {
        done(null, mine)
        return
      }
      shared.add(key, window).then(
        // Even if the shared count is lost, by a flush for instance, nobody gets more than one instance alone would grant.
        (ours) => done(null, ours === undefined ? { ...mine, current: mine.current * STRICT } : fuller(ours, mine)),
        done
      )
    }

    /** Keys name their operation, so that all of them may share a memory and its bound. */
    child(): Buckets {
      return this
    }
  }
}

const fuller = (ours: Count, mine: Count): Count => (ours.current >= mine.current ? ours : mine)
