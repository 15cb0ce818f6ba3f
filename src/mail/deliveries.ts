import type { Delivery } from './transport.ts'

type Outcome = Delivery['outcome'] | 'expired'

/** Counts what mail servers made of mails since the start, and those that expired unsent, by kind of mail. */
export class Deliveries {
  readonly #counts = new Map<string, number>()

  add(kind: string, outcome: Outcome): void {
    this.#counts.set(`${kind} ${outcome}`, this.count(kind, outcome) + 1)
  }

  count(kind: string, outcome: Outcome): number {
    return this.#counts.get(`${kind} ${outcome}`) ?? 0
  }
}
