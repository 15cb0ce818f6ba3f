import { createHash } from 'node:crypto'
import { Kysely, PostgresAdapter, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { Gate } from '../lib/gate.ts'
import { milliseconds } from '../lib/time.ts'
import { asFailure, DatabaseUnavailable, isReadOnlyRefusal, isStaleStatement } from './failure.ts'
import type { Db, Tables } from './tables.ts'

export type ConnectOptions = {
  url: string
  poolSize: number
  /** Seconds; 0 waits for ever, which only migrations do. */
  statementTimeout: number
  /** Named prepared statements, which Postgres parses and plans once a connection. */
  prepared: boolean
  onIdleError: (error: Error) => void
}

const CONNECT_SECONDS = 4
const IDLE_IN_TRANSACTION_SECONDS = 10
const SILENCE_SECONDS = 2

/**
 * What a connection is told when it opens: how long things may take, and how to plan. docs/operate.md has it for a role.
 *
 * @param statementTimeout seconds
 */
export const connectionSettings = (statementTimeout: number): Record<string, string> => ({
  statement_timeout: `${statementTimeout}s`,
  lock_timeout: `${statementTimeout / 2}s`,
  idle_in_transaction_session_timeout: `${IDLE_IN_TRANSACTION_SECONDS}s`,
  datestyle: 'ISO', // what the driver reads; a server of another style would have its times read as none
  // Every statement finds its rows by key: planning it anew for each list of values takes longer than running it,
  // and a plan made while the tables were small must not read them whole when they have grown.
  // The ways that are off are not forbidden, only made dear: so dear that the server would compile such a plan for half a second.
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_bitmapscan: 'off'
})

/** A pool that survives whatever happens to its connections; every failure to reach the server is DatabaseUnavailable. */
export function connect(options: ConnectOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: milliseconds(CONNECT_SECONDS),
    idleTimeoutMillis: milliseconds(60),
    // A server that vanished silently ends no statement: then we end it, a little later than the server would have.
    ...(options.statementTimeout > 0 && { query_timeout: milliseconds(options.statementTimeout + SILENCE_SECONDS) }),
    keepAlive: true,
    application_name: 'postern',
    // A statement and not startup parameters: PgBouncer refuses those.
    onConnect: async (client) => {
      if (options.statementTimeout === 0) return
      const settings = Object.entries(connectionSettings(options.statementTimeout))
      await client.query(settings.map(([name, value]) => `set ${name} = '${value}'`).join('; '))
    }
  })
  // An idle connection broke; the pool has already dropped it. While the pool ends, all of them do.
  pool.on('error', (error) => pool.ending || options.onIdleError(error))
  const named = namedStatements(pool, options.prepared)
  const db = new Kysely<Tables>({ dialect: new Dialect({ pool: named }) })
  const run: Run = async (text, values) => {
    const client = await named.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      client.release()
    }
  }
  const gate = new Gate({
    places: Math.max(Math.min(2, options.poolSize), Math.floor(options.poolSize / 2)), // one that waits must not stop all
    patience: CONNECT_SECONDS,
    refusal: () => new DatabaseUnavailable('too many transactions wait for each other')
  })
  parts.set(db, { pool, run, gate })
  const destroy = db.destroy.bind(db)
  db.destroy = async () => {
    await destroy()
    if (!pool.ending) await pool.end() // Kysely ends only a pool that it used itself, and the shortcut bypasses it
  }
  return db
}

/** Without Kysely's migration lock, which outlives its transaction and would be passed on by a pooler. `migrate` has its own. */
class Adapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

class Dialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new Adapter()
  }
}

type Run = (text: string, values: readonly unknown[]) => Promise<unknown[]>

/** What belongs to a `Db` that `connect` made; a transaction has none of it. */
const parts = new WeakMap<Db, { pool: pg.Pool; run: Run; gate: Gate }>()

/**
 * Runs a finished statement on a pool's connection without Kysely's executor, which costs as much time as a tenth of the
 * session check. Undefined for a transaction, which has a connection of its own.
 */
export const shortcutOf = (db: Db): Run | undefined => parts.get(db)?.run

/**
 * Where a transaction waits for its turn: it keeps a connection through several statements and while it waits for a lock, so that
 * all of them together get half the connections, and whatever is one statement finds one.
 */
export const gateOf = (db: Db): Gate | undefined => parts.get(db)?.gate

/** How many connections are at work, and how many calls wait for one. */
export function connectionsOf(db: Db): { inUse: number; waiting: number } {
  const { pool, gate } = parts.get(db) ?? {}
  const waiting = (pool?.waitingCount ?? 0) + (gate?.waiting ?? 0)
  return { inUse: (pool?.totalCount ?? 0) - (pool?.idleCount ?? 0), waiting }
}

/** The pool as Kysely's dialect sees it: each distinct text runs as a named statement, each failure is classified. */
function namedStatements(pool: pg.Pool, prepared: boolean): PostgresPool {
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const names = new StatementNames()

  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    let fault: unknown // that makes the connection useless
    client.on('error', () => undefined) // the query that is under way rejects; without a listener the process would end
    return {
      query: (async (text: string, values?: unknown[]) => {
        if (fault !== undefined) throw asFailure(fault) // a rollback would wait as long as what got no answer, and undo no more
        try {
          return await (prepared && values !== undefined && values.length > 0
            ? client.query({ name: names.of(text), text, values })
            : client.query(text, values))
        } catch (error) {
          if (isStaleStatement(error)) names.renew()
          // pg's query_timeout has no code. A read-only server may have been the primary: the next one may be it again.
          if ((error as Error).message === 'Query read timeout' || isReadOnlyRefusal(error)) fault = error
          throw asFailure(error)
        }
      }) as unknown as PostgresPoolClient['query'],
      release: () => client.release(fault !== undefined)
    }
  }

  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      try {
        const client = await pool.connect()
        const known = wrapped.get(client) ?? wrap(client)
        wrapped.set(client, known)
        return known
      } catch (error) {
        throw new DatabaseUnavailable(error) // whatever it is: nothing of ours was asked yet
      }
    }
  } as PostgresPool
}

/** Far above the number of statements the service has; it bounds memory should texts ever vary without end. */
const MAX_NAMES = 1000

class StatementNames {
  readonly #names = new Map<string, string>()
  #generation = 0

  of(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    if (this.#names.size >= MAX_NAMES) this.#names.clear()
    const name = `p${this.#generation}_${createHash('sha256').update(text).digest('base64url').slice(0, 16)}`
    this.#names.set(text, name)
    return name
  }

  /** New names make every connection parse again; the old statements go with their connections. */
  renew(): void {
    this.#generation += 1
    this.#names.clear()
  }
}
