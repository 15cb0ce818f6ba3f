import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { milliseconds, monotonicNow } from '../lib/time.ts'
import { Trouble } from '../lib/trouble.ts'
import type { Count } from './local-counts.ts'

/** Counts one more; a window begins with the first. A key without an expiry (nothing of ours makes one) gets a new one. */
const COUNT = `
local current = redis.call('incr', KEYS[1])
local left = redis.call('pttl', KEYS[1])
if left < 0 then
  redis.call('pexpire', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {current, left}`

type Counting = Redis & { count: (key: string, window: number) => Promise<[number, number]> }

/** The longest a request waits for the server, in seconds: every request has to wait for it. */
const PATIENCE = 0.1
/** Seconds without a try after a failure, so that only few requests wait for a server that hangs. */
const REST = 1

/** Gives up on an answer that has not come in time. */
async function inTime<T>(asked: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const giveUp = () => late.reject(new Error('Command timed out'))
  // What came while this process was busy is read before the immediate: that it waited is not the server's fault.
  const timer = setTimeout(() => setImmediate(giveUp), milliseconds(PATIENCE))
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Windows in a Redis or Valkey, which all instances count in together. Without it nothing waits and nothing fails. */
export class SharedCounts {
  readonly #redis: Counting
  readonly #loss: Trouble
  #restsUntil = 0

  constructor(options: { url: string; log: Logger }) {
    this.#loss = new Trouble({
      begins: (error) =>
        options.log.warn(
          { reason: (error as Error).message },
          'the server of REDIS_URL is out of reach: each instance counts client quotas on its own, at half their size'
        ),
      ends: () => options.log.info('the server of REDIS_URL is back')
    })
    this.#redis = new Redis(options.url, {
      scripts: { count: { lua: COUNT, numberOfKeys: 1 } },
      keyPrefix: 'postern:quota:',
      lazyConnect: true,
      connectTimeout: milliseconds(2),
      socketTimeout: milliseconds(2), // reconnect when the server vanished silently
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      reconnectOnError: (error) => error.message.includes('READONLY'), // now a replica: connect to the one that took over
      retryStrategy: (times) => Math.min(times * 100, milliseconds(2))
    }) as Counting
    this.#redis.on('error', (error) => this.#loss.begins(error)) // without a listener each of its errors is printed
    this.#redis.on('ready', () => this.#loss.ends())
  }

  /** Begins to dial; nobody waits for it. */
  start(): void {
    this.#redis.connect().catch((error: Error) => this.#loss.begins(error))
  }

  stop(): void {
    this.#redis.disconnect()
  }

  /** Undefined when the server does not answer, which shows at once or a moment later. @param window milliseconds */
  async add(key: string, window: number): Promise<Count | undefined> {
    if (this.#redis.status !== 'ready' || monotonicNow() < this.#restsUntil) return undefined
    try {
      const [current, ttl] = await inTime(this.#redis.count(key, window))
      this.#loss.ends()
      return { current, ttl }
    } catch (error) {
      this.#restsUntil = monotonicNow() + REST
      this.#loss.begins(error)
      return undefined
    }
  }
}
