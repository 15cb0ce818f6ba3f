import type { Logger } from 'pino'
import type { Db } from '../db/tables.ts'
import { domainOf } from '../lib/email.ts'
import { milliseconds, monotonicNow } from '../lib/time.ts'
import { apart, type Compose, type Composed } from './composed.ts'
import { CourierLog } from './courier-log.ts'
import { Deliveries } from './deliveries.ts'
import { DomainQueues } from './domain-queues.ts'
import { giveBack, type Held, HeldMails } from './lease.ts'
import type { OutgoingMail } from './message.ts'
import { Outcomes } from './outcomes.ts'
import { pacer } from './pace.ts'
import { type MailRow, type Settled, takeDueMails } from './store.ts'
import type { Transport } from './transport.ts'

/** The most seconds one send may take, whatever the server does. */
export const SEND_DEADLINE = 12
export const CONNECTIONS = 10
/** Mails in memory; beyond it new ones wait in their rows, where any instance finds them. */
const MOST_WAITING = 1000
/** Of those, and beyond, mails that were taken from their rows: new ones keep none of these waiting, and what is due is left to others as well. */
const MOST_TAKEN = MOST_WAITING / 2
const COMPOSE_AT_ONCE = 50
/** Mails that are composed and wait for a slot: with so many no more are composed. */
const ENOUGH_COMPOSED = 50
const TAKE_AT_ONCE = 100
const POLL_EVERY = 1
/** Seconds that a mail waits for others, to share one look-up; too short for anybody to notice. */
const GATHER_FOR = 0.02

/**
 * Sends what the `mail` table promises. A mail written by this instance is offered right after its commit and sent from
 * memory; whatever is left over by a crash, a full queue or a deferral is taken from the table when its lease has run out.
 */
export class Courier {
  readonly deliveries = new Deliveries()
  readonly #db: Db
  readonly #transport: Transport
  readonly #compose: Compose
  readonly #keyIds: readonly string[]
  readonly #log: CourierLog
  readonly #queues: DomainQueues
  readonly #outcomes: Outcomes
  readonly #rest = pacer()
  readonly #held = new HeldMails()
  #waiting: Held[] = []
  #composing = false
  #composed: Promise<void> | undefined
  #taken: Promise<void> | undefined
  #stopped = false
  #poll: NodeJS.Timeout | undefined
  #gathering: NodeJS.Timeout | undefined

  constructor(options: { db: Db; transport: Transport; compose: Compose; keyIds: readonly string[]; log: Logger }) {
    this.#db = options.db
    this.#transport = options.transport
    this.#compose = apart(options.compose, (error) => this.#log.failed(error))
    this.#keyIds = options.keyIds
    this.#log = new CourierLog(options.log, this.deliveries)
    // A domain's half of the slots fills the connections. With more slots the time of a mail would run out as it is sent, and it would go again.
    this.#queues = new DomainQueues(Math.min(CONNECTIONS, 2 * (options.transport.connections ?? CONNECTIONS)))
    this.#outcomes = new Outcomes(options.db, this.#queues, (error) => this.#log.failed(error))
  }

  start(): void {
    this.#schedule(0)
  }

  /**
   * Hands over a mail whose row has just been committed. Never throws and never waits.
   *
   * @param leasedAt monotonic seconds, read before the statement that wrote the row
   */
  offer(row: MailRow, leasedAt: number): void {
    if (this.#stopped || this.#held.size >= MOST_WAITING) return // its lease expires, and any instance takes it
    this.#hold(row, leasedAt)
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      this.#work()
    }, milliseconds(GATHER_FOR))
  }

  /** Seconds since the oldest mail that waits here was promised, whoever held it meanwhile; 0 when none waits. */
  get longestWait(): number {
    const since = this.#held.values().reduce((oldest, item) => Math.min(oldest, item.since), Number.POSITIVE_INFINITY)
    return Math.max(0, monotonicNow() - since)
  }

  /** Stops between mails: what is under way ends, what waits goes back to the table at once. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#poll)
    clearTimeout(this.#gathering)
    await Promise.all([this.#queues.close(), this.#taken, this.#composed]) // a mail that arrives last is given back too
    await this.#outcomes.close()
    this.#log.tellExpired()
    await giveBack(this.#db, [...this.#held.values()]).catch((error) => this.#log.failed(error))
    await this.#transport.close()
  }

  #hold(row: MailRow, leasedAt: number, age?: number): void {
    const item = this.#held.hold(row, leasedAt, age)
    if (item !== undefined) this.#waiting.push(item)
  }

  #schedule(delay: number): void {
    if (this.#stopped) return
    this.#poll = setTimeout(() => {
      this.#taken = this.#take()
    }, milliseconds(delay))
  }

  async #take(): Promise<void> {
    // The first look after an outage takes nothing: until every instance has marked what it sent before, that would be sent twice.
    const room = this.#log.outage.lasts ? 0 : Math.min(TAKE_AT_ONCE, MOST_TAKEN - this.#held.taken)
    let taken = 0
    try {
      const leasedAt = monotonicNow()
      const found = await takeDueMails(this.#db, { most: Math.max(0, room), keyIds: [...this.#keyIds] })
      const { queued = [], expired = [] } = Object.groupBy(found, ({ state }) => state)
      for (const mail of queued) this.#hold(mail, leasedAt, mail.age)
      for (const { kind } of expired) this.#log.expired(kind)
      taken = queued.length
      this.#log.outage.ends()
    } catch (error) {
      this.#log.failed(error)
    }
    this.#log.tellExpired()
    this.#work()
    this.#schedule(taken === TAKE_AT_ONCE ? 0 : POLL_EVERY)
  }

  /** Composes in batches, one at a time: whatever comes in meanwhile shares the next look-up. */
  #work(): void {
    if (!this.#composing) this.#composed = this.#composeAll()
  }

  async #composeAll(): Promise<void> {
    this.#composing = true
    while (this.#waiting.length > 0 && !this.#stopped && this.#queues.waiting < ENOUGH_COMPOSED) {
      const batch = this.#waiting.splice(0, COMPOSE_AT_ONCE)
      const askedAt = monotonicNow()
      try {
        const all = await this.#compose(batch.map((item) => item.row))
        const composed = new Set(all.map(({ id }) => id))
        for (const one of all) this.#dispatch(one, askedAt)
        if (composed.size === batch.length) this.#log.faults.ends()
        this.#letGo(batch.filter((item) => !composed.has(item.row.id)))
      } catch (error) {
        this.#log.failed(error)
        this.#letGo(batch)
      }
    }
    this.#composing = false
  }

  /** Forgets mails that can't be written now; they are picked up again once their lease expires. */
  #letGo(items: readonly Held[]): void {
    for (const item of items) this.#held.delete(item.row.id)
  }

  /** @param askedAt when the database was asked what the mail is good for, monotonic seconds */
  #dispatch(composed: Composed, askedAt: number): void {
    const item = this.#held.get(composed.id)
    if (item === undefined) return
    if ('state' in composed) this.#settle({ id: composed.id, state: composed.state, answer: null })
    else {
      const endsAt = askedAt + (composed.goodFor ?? Number.POSITIVE_INFINITY)
      this.#queues.push({ domain: domainOf(composed.mail.to), run: () => this.#send(composed.mail, item, endsAt) })
    }
  }

  async #send(mail: OutgoingMail, item: Held, endsAt: number): Promise<{ stuck?: boolean }> {
    const startedAt = monotonicNow()
    if (endsAt <= startedAt) {
      this.#settle({ id: mail.id, state: 'expired', answer: null }) // its code or link has run out in the queue
      return {}
    }
    if (item.leaseEndsAt - startedAt < SEND_DEADLINE) {
      this.#held.delete(mail.id) // another instance could take it while we send; nobody may before, unless it is given back
      await giveBack(this.#db, [item]).catch((error) => this.#log.failed(error))
      return {}
    }
    const delivery = await this.#transport.send(mail)
    this.#log.delivered(item.row, delivery)
    const { outcome, answer } = delivery
    this.#settle({ id: mail.id, state: outcome === 'deferred' ? 'queued' : outcome, answer })
    const stuck = outcome === 'deferred' && monotonicNow() - startedAt > SEND_DEADLINE / 2
    if (this.#queues.waiting < ENOUGH_COMPOSED) this.#work()
    if (!this.#stopped) await this.#rest()
    return { stuck }
  }

  #settle(settled: Settled): void {
    const item = this.#held.get(settled.id)
    if (settled.state === 'expired' && item !== undefined) this.#log.expired(item.row.kind)
    this.#held.delete(settled.id)
    this.#outcomes.add(settled)
  }
}
