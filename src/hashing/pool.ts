import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { monotonicNow } from '../lib/time.ts'
import { Problem } from '../problems.ts'
import type { Task } from './compute.ts'
import { ResultBatcher } from './result-batcher.ts'

/** `since`: when it came, monotonic seconds. */
type Job = { task: Task; since: number; resolve: (result: never) => void; reject: (reason: unknown) => void }
/** `since`: when the job was handed to the thread, monotonic seconds. */
type Thread = { worker: Worker; job: Job | undefined; since: number }
/** `patience`: seconds that a job may wait for a thread. */
type Options = { threads: number; most: number; patience: number; log: Pick<Logger, 'warn'>; program: URL }

/** Megabytes of JavaScript heap a thread may have; argon2 and scrypt take theirs elsewhere. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 }

/**
 * Threads that take jobs strictly in order. Piscina puts a job that finds no free thread behind younger ones, and abandons the
 * queue when its threads die; here a thread that dies costs only its current job, and the next job starts another. A thread is
 * started when a job finds none free.
 */
export class Pool {
  readonly #options: Options
  readonly #threads = new Set<Thread>()
  readonly #handOver = new ResultBatcher()
  #queue: Job[] = []
  #refused = 0
  #stopped = false

  constructor(options: Options) {
    this.#options = options
  }

  run<Result extends string | boolean>(task: Task): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.requireRoom()
      this.#queue.push({ task, since: monotonicNow(), resolve, reject })
      this.#next()
    })
  }

  /** Refuses with `unavailable` a job that would find no room now. */
  requireRoom(): void {
    if (!this.#isFull) return
    this.#refused += 1
    throw unavailable()
  }

  /** Jobs that wait for a thread. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Jobs that found no room, or waited for too long, since the start. */
  get refused(): number {
    return this.#refused
  }

  /** Whether a job that came now would be refused. */
  get #isFull(): boolean {
    const busy = this.#threads.size === this.#options.threads && this.#free() === undefined
    return this.#stopped || (busy && this.#queue.length >= this.#options.most)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { reject } of this.#queue.splice(0)) reject(unavailable())
    this.#handOver.now()
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()))
  }

  #next(): void {
    this.#refuseLate()
    while (this.#queue.length > 0) {
      const thread = this.#free() ?? this.#grow()
      if (thread === undefined) return
      thread.job = this.#queue.shift() as Job
      thread.since = monotonicNow()
      thread.worker.ref()
      thread.worker.postMessage(thread.job.task)
    }
  }

  /** Whoever has waited for long has given up by now, and a hash for nobody would only keep the others waiting. */
  #refuseLate(): void {
    const latest = monotonicNow() - this.#options.patience
    const firstInTime = this.#queue.findIndex(({ since }) => since >= latest)
    const late = this.#queue.splice(0, firstInTime === -1 ? this.#queue.length : firstInTime)
    this.#refused += late.length
    for (const { reject } of late) reject(unavailable())
  }

  #free(): Thread | undefined {
    for (const thread of this.#threads) if (thread.job === undefined) return thread
    return undefined
  }

  #grow(): Thread | undefined {
    if (this.#stopped || this.#threads.size >= this.#options.threads) return undefined
    const thread: Thread = {
      worker: new Worker(this.#options.program, { resourceLimits: LIMITS }),
      job: undefined,
      since: 0
    }
    this.#threads.add(thread)
    thread.worker.on('message', (result) => {
      const { job, since } = thread
      const next = (monotonicNow() - since) / this.#options.threads
      thread.job = undefined
      thread.worker.unref() // idle threads do not hold the process
      this.#next()
      if (job !== undefined) this.#handOver.add(() => job.resolve(result as never), { waiting: this.waiting, next })
    })
    thread.worker.on('error', (error) => this.#options.log.warn({ err: error }, 'a password-hashing thread died'))
    thread.worker.on('exit', () => {
      this.#threads.delete(thread)
      thread.job?.reject(unavailable())
      this.#next()
    })
    return thread
  }
}

export const unavailable = (): Problem => new Problem('unavailable', { retryAfter: 1 })
