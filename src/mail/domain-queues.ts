/** Work for one mail domain; it never throws, and says whether the domain's server, if tried, kept us waiting in vain. */
type Job = { domain: string; run: () => Promise<{ stuck?: boolean }> }

/** How a domain's server was the last time: it answered, it kept us waiting in vain, or it has not been tried. */
type Standing = 'good' | 'new' | 'stuck'

type Domain = { waiting: Job[]; running: number }

/** Domains whose standing is remembered; those tried longest ago are forgotten first. */
const MOST_REMEMBERED = 1000
/** Parts of the slots that domains of a standing hold together at the most: whoever invents domains that hang must leave the others some. */
const PART = { good: 1, new: 0.7, stuck: 0.2 }
/** Jobs of new domains that count as waiting at the most, so that inventing domains does not keep others from being composed. */
const MOST_NEW = 25

/**
 * Runs jobs side by side, so that a domain that hangs delays nobody else's mail: no domain ever holds more than half of the slots,
 * one that has just hung is tried with a single slot, and some slots are only for domains that answered the last time. Domains with
 * waiting jobs take turns.
 */
export class DomainQueues {
  readonly #slots: number
  /** Those that have a job, running or not. */
  readonly #domains = new Map<string, Domain>()
  readonly #standings = new Map<string, Standing>()
  readonly #running = { good: 0, new: 0, stuck: 0 }
  #open = true
  #closed = false
  #idle: (() => void) | undefined

  constructor(slots: number) {
    this.#slots = slots
  }

  /** Jobs that wait for a slot. What waits behind its own domain's share is not counted, nor what is stuck: it must not keep others back. */
  get waiting(): number {
    const waiting = { good: 0, new: 0, stuck: 0 }
    for (const [name, domain] of this.#domains) {
      const standing = this.#standingOf(name)
      waiting[standing] += Math.max(0, Math.min(domain.waiting.length, this.#shareOf(standing) - domain.running))
    }
    return waiting.good + Math.min(waiting.new, MOST_NEW)
  }

  push(job: Job): void {
    const domain = this.#domains.get(job.domain) ?? { waiting: [], running: 0 }
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
    if (this.#allRunning > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  get #allRunning(): number {
    return this.#running.good + this.#running.new + this.#running.stuck
  }

  #standingOf(name: string): Standing {
    return this.#standings.get(name) ?? 'new'
  }

  #remember(name: string, standing: Standing): void {
    this.#standings.delete(name) // to the end of the list
    this.#standings.set(name, standing)
    const [oldest] = this.#standings.keys()
    if (this.#standings.size > MOST_REMEMBERED && oldest !== undefined) this.#standings.delete(oldest)
  }

  #shareOf(standing: Standing): number {
    return standing === 'stuck' ? 1 : Math.max(1, Math.floor(this.#slots / 2))
  }

  #hasRoom(standing: Standing): boolean {
    return this.#running[standing] < Math.max(1, Math.ceil(this.#slots * PART[standing]))
  }

  #fill(): void {
    for (let started = true; started && this.#open && !this.#closed; ) {
      started = false
      for (const [name, domain] of this.#domains) {
        if (this.#allRunning >= this.#slots) return
        const standing = this.#standingOf(name)
        if (domain.waiting.length === 0 || domain.running >= this.#shareOf(standing) || !this.#hasRoom(standing))
          continue
        this.#domains.delete(name) // to the end of the line
        this.#domains.set(name, domain)
        void this.#run(name, domain, domain.waiting.shift() as Job, standing)
        started = true
      }
    }
  }

  async #run(name: string, domain: Domain, job: Job, standing: Standing): Promise<void> {
    this.#running[standing] += 1
    domain.running += 1
    const { stuck } = await job.run()
    // One hiccup of a server that has answered makes it as good as new; the next makes it stuck.
    if (stuck !== undefined) this.#remember(name, !stuck ? 'good' : standing === 'good' ? 'new' : 'stuck')
    domain.running -= 1
    this.#running[standing] -= 1
    if (domain.running === 0 && domain.waiting.length === 0) this.#domains.delete(name)
    if (this.#allRunning === 0) this.#idle?.()
    this.#fill()
  }
}
