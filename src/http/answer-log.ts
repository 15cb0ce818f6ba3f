import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { MINUTE, milliseconds, monotonicNow } from '../lib/time.ts'

/** Answers of a kind that have lines of their own in a second, some 2 GB a day: a flood must not fill the disk that the log is on. */
const MOST_LINES = 100

/** The form of a client's request id that is logged: it holds no address, and no token of ours sent in the wrong header. */
const REQUEST_ID = /^(?![a-z]{3}_)[\w.:-]{1,64}$/

/** Which of the answers of a kind are logged one by one; how many others there were is told once a minute. */
class Flood {
  readonly #report: (others: number) => void
  #second = 0
  #lines = 0
  #others = 0

  constructor(report: (others: number) => void) {
    this.#report = report
  }

  takes(): boolean {
    const second = Math.floor(monotonicNow())
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    this.#lines += 1
    if (this.#lines <= MOST_LINES) return true
    if (this.#others === 0) setTimeout(() => this.tell(), milliseconds(MINUTE)).unref()
    this.#others += 1
    return false
  }

  tell(): void {
    if (this.#others > 0) this.#report(this.#others)
    this.#others = 0
  }
}

/** What is logged of answers. Refusals and 503s, which come in floods, are bounded each by themselves; at `debug` nothing is. */
export class AnswerLog {
  readonly #log: Logger
  readonly #draining: () => boolean
  readonly #refusals: Flood
  readonly #outages: Flood
  /** Whether the 503s whose reasons were known are among those that have lines. */
  readonly #said = new WeakMap<FastifyRequest, boolean>()

  constructor(log: Logger, draining: () => boolean) {
    this.#log = log
    this.#draining = draining
    this.#refusals = new Flood((refusals) => log.warn({ refusals }, 'too many refusals to log each of them'))
    this.#outages = new Flood((outages) => log.error({ outages }, 'too many 503s to log each of them'))
  }

  /** Why an answer will be 503. */
  unavailable(request: FastifyRequest, reason: object, message: string): void {
    // Those of a shutdown are no outage, however many wait when it refuses them.
    const isSaid = this.#takes(this.#draining() ? this.#refusals : this.#outages)
    this.#said.set(request, isSaid)
    if (isSaid) request.log.warn(reason, message)
  }

  /**
   * One line per answer: refusals at `info`, our own failures at `error`, the rest at `debug`. The route's pattern is logged
   * instead of the path, because what a client puts into a path or a query may be secret.
   */
  answered(request: FastifyRequest, reply: FastifyReply): void {
    const { statusCode } = reply
    const isParting = statusCode === 503 && this.#draining() // as every probe of a shutdown is answered
    const level = statusCode >= 500 && !isParting ? 'error' : statusCode >= 400 ? 'info' : 'debug'
    const log = request.log as Logger
    if (!log.isLevelEnabled(level)) return
    const flood = level === 'info' ? this.#refusals : statusCode === 503 ? this.#outages : undefined
    if (flood !== undefined && !(this.#said.get(request) ?? this.#takes(flood))) return
    const given = request.headers['x-request-id']
    log[level](
      {
        method: request.method,
        route: request.routeOptions.url ?? request.wrongMethodAt ?? null,
        status: statusCode,
        ...(request.refusedWith && { code: request.refusedWith }),
        ...(request.limitedBy && { limit: request.limitedBy }),
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
        ...(typeof given === 'string' && REQUEST_ID.test(given) && { client_request_id: given })
      },
      'answered'
    )
  }

  /** A refusal of what was no request. */
  refused(requestId: string, status: number, code: string): void {
    if (!this.#log.isLevelEnabled('info') || !this.#takes(this.#refusals)) return
    this.#log.info({ request_id: requestId, method: null, route: null, status, code }, 'answered')
  }

  /** Tells how many had no line, if there were any. */
  tell(): void {
    this.#refusals.tell()
    this.#outages.tell()
  }

  #takes(flood: Flood): boolean {
    return this.#log.isLevelEnabled('debug') || flood.takes()
  }
}
