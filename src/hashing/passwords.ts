import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Db } from '../db/tables.ts'
import { keyIdOf } from '../lib/capability.ts'
import { MINUTE, milliseconds } from '../lib/time.ts'
import { Turns } from '../lib/turns.ts'
import { Problem } from '../problems.ts'
import { type HashParameters, prefixOf } from './compute.ts'
import { decoyOf, heldMix, type Kind, kindOf } from './decoy.ts'
import { Pool, unavailable } from './pool.ts'
import { findDecoySource, findPeppers, keepMix, sampleHashes } from './store.ts'
import { envelope, readStored, type Stored, UNPEPPERED } from './stored.ts'

type Deps = { db: Db; config: Config; log: Logger }

/** Seconds between two samples of the stored hashes: until the next one, an imported kind of hash shows in response times. */
const LOOK_AGAIN = MINUTE
/** Seconds that a password waits for a thread: clients and proxies give up after ten to sixty. */
const PATIENCE = 10
/** Stands for an address where there is none. */
const NOBODY = ''

/** Makes and checks stored passwords, on threads of their own. */
export class Passwords {
  /**
   * One account's changes are hashed one at a time; otherwise its fifty sessions could fill the queue that everybody shares. Where nobody
   * else hashes the hundredth waits about ten seconds.
   */
  readonly turns = new Turns({ most: 100, refusal: unavailable })
  readonly #db: Db
  readonly #log: Logger
  readonly #pool: Pool
  readonly #peppers: ReadonlyMap<string, KeyObject>
  readonly #newestPepper: string
  readonly #parameters: HashParameters
  /** What every hash made now begins with. */
  readonly #prefix: string
  #kinds: readonly Kind[]
  /** The installation's, from the first look on. */
  #seed: Buffer = randomBytes(32)
  #timer: NodeJS.Timeout | undefined

  constructor({ db, config, log }: Deps) {
    this.#db = db
    this.#log = log
    this.#pool = new Pool({
      threads: config.HASH_THREADS ?? availableParallelism(),
      most: config.HASH_QUEUE,
      patience: PATIENCE,
      program: new URL('./start-worker.js', import.meta.url),
      log
    })
    const peppers = config.PASSWORD_PEPPERS.map((pepper) => Buffer.from(pepper, 'base64url'))
    this.#peppers = new Map(peppers.map((pepper) => [keyIdOf(pepper), createSecretKey(pepper)]))
    this.#newestPepper = this.#peppers.keys().next().value ?? UNPEPPERED
    this.#parameters =
      config.PASSWORD_HASH === 'argon2id' ? { scheme: 'argon2id' } : { scheme: 'bcrypt', cost: config.BCRYPT_COST }
    this.#prefix = envelope(this.#newestPepper, prefixOf(this.#parameters))
    this.#kinds = [kindOf(this.#parameters, this.#prefix)]
  }

  /** Refuses to start without a pepper that a stored hash names; then learns what is stored, now and every minute. */
  async start(): Promise<void> {
    const missing = await this.missingPeppers()
    if (missing.length > 0)
      throw new Error(
        `PASSWORD_PEPPERS lacks keys that stored passwords need: ${missing.join(', ')}. Put them back behind the newest one.`
      )
    await this.#look()
    const again = (): void =>
      void this.#look().catch((error) => this.#log.warn({ err: error }, 'could not sample the stored hashes'))
    this.#timer = setInterval(again, milliseconds(LOOK_AGAIN)).unref()
  }

  /** Ids of the peppers that stored passwords name and that are not configured here. */
  async missingPeppers(): Promise<string[]> {
    return (await findPeppers(this.#db, {})).map(({ id }) => id).filter((id) => !this.#peppers.has(id))
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#pool.stop()
  }

  /** Refuses with `unavailable` when too many wait already. */
  requireRoom(): void {
    this.#pool.requireRoom()
  }

  /** How many wait for a thread, and how many were refused since the start. */
  get queue(): Pick<Pool, 'waiting' | 'refused'> {
    return this.#pool
  }

  /** A stored hash by the newest scheme and pepper. Refuses with `unavailable` when too many wait already. */
  async hash(password: string): Promise<string> {
    const made = await this.#pool.run<string>({
      make: this.#parameters,
      secret: this.#sealed(this.#newestPepper, password)
    })
    return envelope(this.#newestPepper, made)
  }

  /**
   * Whether a password matches the stored hash, ours or imported. A hash that cannot be read, or would cost too much, gives false
   * after the work of a decoy. Refuses with `unavailable` when too many wait already, or the pepper is not configured here.
   */
  async check(password: string, stored: string): Promise<boolean> {
    const read = readStored(stored)
    const readable = typeof read === 'object'
    const { pepper, parsed } = readable ? read : (readStored(this.decoy(NOBODY)) as Stored)
    if (pepper !== undefined && !this.#knows(pepper)) {
      // Another instance can answer, and so can this one once it is configured. Until then a member takes as long as anybody.
      await this.check(password, this.decoy(NOBODY))
      throw new Problem('unavailable')
    }
    const secrets = pepper === undefined ? spellings(password) : [this.#sealed(pepper, password)]
    return (await this.#pool.run<boolean>({ check: parsed, secrets })) && readable
  }

  /**
   * A stored hash that no password matches. Its scheme and cost are drawn from what is stored, so that imported hashes
   * do not reveal by response time who is a member.
   *
   * @param emailKey the same address always draws alike, at every instance and whatever keys come and go
   */
  decoy(emailKey: string): string {
    return decoyOf(this.#kinds, createHmac('sha256', this.#seed).update(emailKey).digest())
  }

  /** Whether `hash` would now produce a different form: another scheme, version, cost or pepper. */
  outdated(stored: string): boolean {
    return !stored.startsWith(this.#prefix)
  }

  /** Why a hash made elsewhere could not be checked here; undefined when it can. */
  refusal(stored: string): string | undefined {
    const read = readStored(stored)
    if (read === 'unknown') return 'has an unsupported format'
    if (read === 'too-costly') return 'is too expensive to check'
    return read.pepper === undefined || this.#knows(read.pepper)
      ? undefined
      : 'names a pepper that PASSWORD_PEPPERS lacks'
  }

  async #look(): Promise<void> {
    const [source] = await findDecoySource(this.#db, {})
    const { seed, mix: held } = source ?? { seed: this.#seed, mix: [] } // who empties all tables can still start
    const mix = heldMix(held, await sampleHashes(this.#db, {}))
    const usable = mix.filter(
      (kind) => this.refusal(decoyOf([kind], seed)) === undefined // what cannot be checked here is no decoy
    )
    if (usable.length > 0) this.#kinds = usable
    this.#seed = seed
    if (!isDeepStrictEqual(mix, held)) await this.#keep(mix, held)
  }

  /** A failure leaves the mix in force here: a database that only reads stops no start, and the next look keeps it. */
  async #keep(mix: readonly Kind[], held: readonly Kind[]): Promise<void> {
    await keepMix(this.#db, { mix: JSON.stringify(mix), held: JSON.stringify(held) }).catch((error) =>
      this.#log.warn({ err: error }, 'could not keep the mix of stored hashes for the other instances')
    )
  }

  /** 64 characters whatever the password: below bcrypt's 72 bytes, and without a NUL. */
  #sealed(pepper: string, password: string): string {
    const text = password.normalize('NFC')
    if (pepper === UNPEPPERED) return createHash('sha384').update(text).digest('base64')
    return createHmac('sha384', this.#peppers.get(pepper) as KeyObject)
      .update(text)
      .digest('base64')
  }

  #knows(pepper: string): boolean {
    return pepper === UNPEPPERED || this.#peppers.has(pepper)
  }
}

/**
 * What a foreign service may have hashed: the password composed, as most keyboards send it, or exactly as it was typed.
 * How many there are depends on the password alone, so that a decoy costs the same.
 */
function spellings(password: string): string[] {
  return [...new Set([password.normalize('NFC'), password])]
}
