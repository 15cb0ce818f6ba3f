import type { Logger } from 'pino'
import { isOutage } from '../db/failure.ts'
import { Trouble } from '../lib/trouble.ts'
import type { Deliveries } from './deliveries.ts'
import type { MailRow } from './store.ts'
import type { Delivery } from './transport.ts'

/** What the courier tells operators: how each mail went, and once what keeps it from working and that it is over, with an outage apart from faults. */
export class CourierLog {
  /** Of the database, which ends by itself. */
  readonly outage: Trouble
  /** Of mails that cannot be composed or marked, which somebody has to mend. */
  readonly faults: Trouble
  readonly #log: Logger
  readonly #deliveries: Pick<Deliveries, 'add'>
  #expired = 0

  constructor(log: Logger, deliveries: Pick<Deliveries, 'add'>) {
    const told = (level: 'warn' | 'error') => ({
      begins: (error: unknown) => log[level]({ err: error }, 'the courier cannot work; mails wait in the database'),
      ends: () => log.info('the courier can work again')
    })
    this.#log = log
    this.#deliveries = deliveries
    this.outage = new Trouble(told('warn'))
    this.faults = new Trouble(told('error'))
  }

  failed(error: unknown): void {
    if (isOutage(error)) this.outage.begins(error)
    else this.faults.begins(error)
  }

  expired(kind: string): void {
    this.#deliveries.add(kind, 'expired')
    this.#expired += 1
  }

  /** Tells how many have expired since the last time, if any has: behind a mail server that is down they are thousands. */
  tellExpired(): void {
    if (this.#expired > 0) this.#log.warn({ mails: this.#expired }, 'mails expired unsent')
    this.#expired = 0
  }

  delivered({ id, kind }: Pick<MailRow, 'id' | 'kind'>, { outcome, answer }: Delivery): void {
    this.#deliveries.add(kind, outcome)
    const entry = { mail: id, outcome, answer: answer.replace(/[^\s<>@]+@/g, '•••@') }
    if (outcome === 'sent') this.#log.debug(entry, 'mail sent')
    else this.#log.warn(entry, outcome === 'refused' ? 'mail refused' : 'mail put off')
  }
}
