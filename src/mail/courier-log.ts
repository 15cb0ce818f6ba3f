import type { Logger } from 'pino'
import { DatabaseUnavailable } from '../db/failure.ts'
import { Trouble } from '../lib/trouble.ts'
import type { Delivery } from './transport.ts'

/** What the courier tells operators: how each mail went, and once what keeps it from working, with an outage apart from faults. */
export class CourierLog {
  /** Of the database, which ends by itself. */
  readonly outage: Trouble
  /** Of mails that cannot be composed or marked, which somebody has to mend. */
  readonly faults: Trouble
  readonly #log: Logger

  constructor(log: Logger) {
    const begins = (level: 'warn' | 'error') => (error: unknown) =>
      log[level]({ err: error }, 'the courier cannot work; mails wait in the database')
    this.#log = log
    this.outage = new Trouble({ begins: begins('warn') })
    this.faults = new Trouble({ begins: begins('error') })
  }

  failed(error: unknown): void {
    if (error instanceof DatabaseUnavailable) this.outage.begins(error)
    else this.faults.begins(error)
  }

  delivered(mail: string, { outcome, answer }: Delivery): void {
    const entry = { mail, outcome, answer: answer.replace(/[^\s<>@]+@/g, '•••@') }
    if (outcome === 'sent') this.#log.debug(entry, 'mail sent')
    else this.#log.warn(entry, outcome === 'refused' ? 'mail refused' : 'mail put off')
  }
}
