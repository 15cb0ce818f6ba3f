import type { Child } from './children.ts'
import type { Step } from './load.ts'

export const rows = ['request', 'verify', 'login', 'session', 'refresh', 'forgot'] as const
export type Row = (typeof rows)[number]

/** One of the two that are compared. */
export type Side = {
  server: Child
  /** Makes what so many steps of a row will use up, as far as it is not there yet. */
  prepare: (row: Row, steps: number) => Promise<void>
  steps: Record<Row, Step>
  /** Steps that make everything known to the server that it may remember. */
  firstSteps: Partial<Record<Row, number>>
  /** Mails handed over so far; only the service sends any. */
  sentMails?: () => Promise<number>
}

let addresses = 0
const DOMAINS = 20

/** An address nobody had before, at one of several domains: the courier treats each domain by itself. */
export function newAddress(): string {
  addresses += 1
  return `person-${addresses}@mail-${addresses % DOMAINS}.example`
}

/** Counts round and round. */
export function ring(size: number): () => number {
  let next = 0
  return () => next++ % size
}
