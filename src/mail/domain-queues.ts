/** Work for one mail domain; it never throws and says whether the domain's server kept us waiting in vain, if it was tried. */
export type Job = { domain: string; run: () => Promise<{ stuck?: boolean }> }

/** A domain's share of the slots: half, and one only while its server keeps us waiting. */
type Domain = { waiting: Job[]; running: number; stuck: boolean }

/**
 * Runs jobs side by side, so that a domain that hangs delays nobody else's mail: no domain ever holds more than half of the slots, and
 * one that has just hung is tried with a single slot. Domains with waiting jobs take turns.
 */
export class DomainQueues {
  readonly #slots: number
  readonly #domains = new Map<string, Domain>()
  #running = 0
  #open = true
  #closed = false
  #idle: (() => void) | undefined

  constructor(slots: number) {
    this.#slots = slots
  }

  /** Jobs that wait for a slot. What waits behind its own domain's share is not counted: it must not keep others back. */
  get waiting(): number {
    let waiting = 0
    for (const domain of this.#domains.values())
      waiting += Math.max(0, Math.min(domain.waiting.length, this.#shareOf(domain) - domain.running))
    return waiting
  }

  push(job: Job): void {
    const domain = this.#domains.get(job.domain) ?? { waiting: [], running: 0, stuck: false }
    this.#domains.set(job.domain, domain)
    domain.waiting.push(job)
    this.#fill()
  }

  /** Stops between jobs; what waits stays until `resume`. */
  pause(): void {
    this.#open = false
  }

  resume(): void {
    this.#open = true
    this.#fill()
  }

  /** Stops between jobs for good; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  #shareOf(domain: Domain): number {
    return domain.stuck ? 1 : Math.max(1, Math.floor(this.#slots / 2))
  }

  #fill(): void {
    for (let started = true; started && this.#open && !this.#closed; ) {
      started = false
      for (const [name, domain] of this.#domains) {
        if (this.#running >= this.#slots) return
        if (domain.waiting.length === 0 || domain.running >= this.#shareOf(domain)) continue
        this.#domains.delete(name) // to the end of the line
        this.#domains.set(name, domain)
        void this.#run(name, domain, domain.waiting.shift() as Job)
        started = true
      }
    }
  }

  async #run(name: string, domain: Domain, job: Job): Promise<void> {
    this.#running += 1
    domain.running += 1
    domain.stuck = (await job.run()).stuck ?? domain.stuck
    domain.running -= 1
    this.#running -= 1
    if (domain.running === 0 && domain.waiting.length === 0 && !domain.stuck) this.#domains.delete(name)
    if (this.#running === 0) this.#idle?.()
    this.#fill()
  }
}
