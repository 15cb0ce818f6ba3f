import type { Delivery } from './transport.ts'

/** Counts what mail servers made of mails since the start, by kind of mail. */
export class Deliveries {
  readonly #counts = new Map<string, number>()

  add(kind: string, outcome: Delivery['outcome']): void {
    this.#counts.set(`${kind} ${outcome}`, this.count(kind, outcome) + 1)
  }

  count(kind: string, outcome: Delivery['outcome']): number {
    return this.#counts.get(`${kind} ${outcome}`) ?? 0
  }
}
