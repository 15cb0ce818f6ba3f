import { setTimeout } from 'node:timers/promises'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { milliseconds } from '../lib/time.ts'
import type { Deliveries } from '../mail/deliveries.ts'

/**
 * What other parts count anyway, read at each scrape; none of them knows about metrics. Nothing here is about one account or one
 * client, and every label has a closed list of values.
 */
type Sources = {
  mailKinds: readonly string[]
  deliveries: Pick<Deliveries, 'count'>
  /** Seconds since the oldest mail that this instance holds was promised. */
  longestWait: () => number
  /** Seconds by which the longest waiting mail is overdue; rejects while the database is out of reach. */
  overdue: () => Promise<number>
  hashes: { readonly waiting: number; readonly refused: number }
  breachCheckFailures: () => number
  connections: () => { inUse: number; waiting: number }
  strained: () => boolean
}

/** Takes note of one answer; `operation` is undefined for pages and for paths that don't exist. */
export type Observe = (operation: string | undefined, status: number, seconds: number) => void

export type Metrics = { observe: Observe; text: () => Promise<string>; contentType: string }

const OUTCOMES = ['sent', 'refused', 'deferred', 'expired'] as const
/** Statuses that are watched by themselves: an attack, a page of another origin, a limit, an outage. Of all others only the class is told. */
const WATCHED: readonly number[] = [401, 403, 429, 503]
/** Bounds in seconds: a session check takes about one millisecond, a password about a hundred. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Seconds that a scrape waits for the database; Prometheus itself waits for ten. */
const PATIENCE = 2

/** The metrics of one instance, besides those that prom-client has for any Node process. */
export function metricsOf(sources: Sources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const durations = new Histogram({
    name: 'postern_http_request_duration_seconds',
    help: 'Time until an answer was sent, by operation and status: 401, 403, 429, 503, or the class of any other.',
    labelNames: ['operation', 'status'],
    buckets: BUCKETS,
    registers
  })
  gauge('postern_hashes_waiting', 'Passwords that wait for a thread.', () => sources.hashes.waiting)
  counter(
    'postern_hashes_refused',
    'Requests that found HASH_QUEUE full, or waited in it for ten seconds.',
    () => sources.hashes.refused
  )
  counter(
    'postern_breach_check_failures',
    'New passwords that were accepted without a check against leaked ones, because BREACH_CHECK_URL did not answer.',
    sources.breachCheckFailures
  )
  gauge(
    'postern_database_connections_in_use',
    'Connections of the pool that are in use.',
    () => sources.connections().inUse
  )
  gauge(
    'postern_database_connections_waiting',
    'Calls that wait for a connection of the pool.',
    () => sources.connections().waiting
  )
  gauge(
    'postern_mail_waiting_seconds',
    'Seconds since the oldest mail that this instance holds was promised; it has not been sent yet.',
    sources.longestWait
  )
  gauge(
    'postern_guesses_strained',
    '1 while there are so many wrong guesses at codes across the installation that strangers get longer ones.',
    () => Number(sources.strained())
  )
  // The last, because it asks the database: it must not count its own connection.
  measureMails(sources, registers)

  return {
    observe: (operation = 'other', status, seconds) =>
      durations.observe({ operation, status: labelOf(status) }, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType
  }

  function gauge(name: string, help: string, read: () => number): void {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) })
  }

  function counter(name: string, help: string, read: () => number): void {
    const made: Counter = new Counter({
      name: `${name}_total`,
      help,
      registers,
      collect: () => {
        made.reset()
        made.inc(read())
      }
    })
  }
}

const labelOf = (status: number): string =>
  WATCHED.includes(status) ? String(status) : `${Math.floor(status / 100)}xx`

function measureMails({ mailKinds, deliveries, overdue }: Sources, registers: Registry[]): void {
  const mails: Counter<'kind' | 'outcome'> = new Counter({
    name: 'postern_mails_total',
    help: 'Mails by what the mail server said, where one that was put off counts each time, and those that expired unsent.',
    labelNames: ['kind', 'outcome'],
    registers,
    collect: () => {
      mails.reset()
      // Those at zero too: a rate sees the first of a kind only when it has seen none before.
      for (const kind of mailKinds)
        for (const outcome of OUTCOMES) mails.inc({ kind, outcome }, deliveries.count(kind, outcome))
    }
  })
  const ask = patiently(overdue)
  const oldest: Gauge = new Gauge({
    name: 'postern_mail_overdue_seconds',
    help: 'Seconds by which the longest waiting mail is overdue, over all instances; absent while the database is out of reach.',
    registers,
    collect: async () => {
      const seconds = await ask()
      if (seconds === undefined) oldest.remove()
      else oldest.set(seconds)
    }
  })
}

/** Undefined where no answer comes in time. Scrapes share a question, so that none of them pile up. */
function patiently(question: () => Promise<number>): () => Promise<number | undefined> {
  let asked: Promise<number | undefined> | undefined
  return async () => {
    asked ??= question()
      .catch(() => undefined)
      .finally(() => {
        asked = undefined
      })
    return await Promise.race([asked, setTimeout(milliseconds(PATIENCE), undefined, { ref: false })])
  }
}
