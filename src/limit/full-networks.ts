import { monotonicNow } from '../lib/time.ts'

/** Networks that are remembered; those that were full first are forgotten first. */
const MOST_NETWORKS = 1000

type Spent = { ttlInSeconds: number }

/**
 * Wide networks whose quota is used up, until their windows end. Their requests need no bucket of an address any more: whoever owns a
 * /48 has 65,536 of them, and could push everybody else's out of memory.
 */
export class FullNetworks<S extends Spent> {
  readonly #networks = new Map<string, { spent: S; endsAt: number }>()

  /** @param network names the operation too */
  note(network: string, spent: S): void {
    this.#networks.set(network, { spent, endsAt: monotonicNow() + spent.ttlInSeconds })
    if (this.#networks.size > MOST_NETWORKS) this.#networks.delete(this.#networks.keys().next().value as string)
  }

  /** What is left to wait for; undefined where there is room, as far as is known. */
  find(network: string): S | undefined {
    const full = this.#networks.get(network)
    if (full === undefined) return undefined
    const left = Math.ceil(full.endsAt - monotonicNow())
    if (left > 0) return { ...full.spent, ttlInSeconds: left }
    this.#networks.delete(network)
    return undefined
  }
}
