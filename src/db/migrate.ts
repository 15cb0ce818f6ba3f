import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { milliseconds } from '../lib/time.ts'
import { connect } from './connect.ts'
import { isLockRefusal } from './failure.ts'
import { transaction } from './statement.ts'
import type { Db, Tx } from './tables.ts'

const SCHEMA = 'postern'
const FOLDER = new URL('../../migrations/', import.meta.url)

/** In the order in which they run. */
async function migrationNames(): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((file) => /^\d{4}_\w+\.ts$/.test(file))
  return files.map((file) => file.replace('.ts', '')).sort()
}

async function allMigrations(): Promise<Record<string, Migration>> {
  const entries = (await migrationNames()).map(async (name) => [name, await import(new URL(`${name}.ts`, FOLDER).href)])
  return Object.fromEntries(await Promise.all(entries)) as Record<string, Migration>
}

/**
 * The names of ours that the database lacks. Names it has beyond ours belong to a newer release, which only adds:
 * this one goes on working beside it, and may be started again after a step back.
 */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const ours = await migrationNames()
  const {
    rows: [table]
  } = await sql<{ present: boolean }>`
    select to_regclass(${`${SCHEMA}.kysely_migration`}) is not null as present`.execute(db)
  if (!table?.present) return ours
  const { rows } = await sql<{ name: string }>`select name from postern.kysely_migration`.execute(db)
  const done = new Set(rows.map((row) => row.name))
  return ours.filter((name) => !done.has(name))
}

/** Our advisory lock: any number that no other program uses in this database. */
const LOCK = 7_629_413

/**
 * Seconds a migration waits for a table; everyone else who wants the table meanwhile, even to read, queues behind it. Above
 * Postgres' `deadlock_timeout` (1 s), at which an autovacuum is cancelled, and below the lock timeout of the service, which is
 * half of DATABASE_STATEMENT_TIMEOUT: 2.5 s by default; at 4 or less, requests behind a waiting migration get 503.
 */
const LOCK_WAIT = 2
/** Seconds until it tries again, in which all those in the queue get done. */
const REST = 4

/**
 * Brings the schema up to date and returns what it ran. Any number of instances may do so at once: each migration is one
 * transaction behind a transaction-level lock, and the last ones find nothing left to do. It is retried after a deadlock with a
 * serving instance, and for as long as somebody else (a dump, a report, a transaction left open) holds a table that it must
 * change: by one instance alone, or their waits would follow one another and nobody would get to the table. (Kysely's own lock
 * belongs to the session, which means nothing behind PgBouncer: see `connect`.)
 *
 * @param say called when a migration starts to wait for somebody else's use of a table
 */
export async function migrate(url: string, say: (line: string) => void = () => undefined): Promise<string[]> {
  const db = connect({ url, poolSize: 1, statementTimeout: 0, prepared: false, onIdleError: () => undefined })
  try {
    const ran: string[] = []
    while ((await pendingMigrations(db)).length > 0) ran.push(...(await step(db, say)))
    return ran
  } finally {
    await db.destroy()
  }
}

async function step(db: Db, say: (line: string) => void): Promise<string[]> {
  return await transaction(db, async (tx) => {
    for (const timeout of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'])
      await sql`set local ${sql.raw(timeout)} = 0`.execute(tx)
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK)})`.execute(tx)
    await sql`set local lock_timeout = ${sql.lit(milliseconds(LOCK_WAIT))}`.execute(tx)
    return await whenTablesAreFree(tx, say)
  })
}

async function whenTablesAreFree(tx: Tx, say: (line: string) => void): Promise<string[]> {
  for (let said = false; ; said = true) {
    await sql`savepoint untried`.execute(tx)
    try {
      return await run(tx)
    } catch (error) {
      if (!isLockRefusal(error)) throw error
      if (!said)
        say(`a migration is waiting for a table that is in use (${(error as Error).message}); see pg_stat_activity`)
      await sql`rollback to savepoint untried`.execute(tx)
      await sleep(milliseconds(REST))
    }
  }
}

/** Before Kysely does: after a refusal it goes on in the aborted transaction, whose words hide what was refused. */
async function makeSchema(tx: Tx): Promise<void> {
  const { rows } = await sql<{ present: boolean }>`select to_regnamespace(${SCHEMA}) is not null as present`.execute(tx)
  if (!rows[0]?.present) await sql`create schema ${sql.id(SCHEMA)}`.execute(tx)
}

/**
 * In any other a mail server's answer that it cannot hold would leave the mail unsettled, and so sent again and again. SQL_ASCII takes
 * bytes as they come. Only asked of a new database: one in use may never meet such a text.
 */
async function refuseEncoding(tx: Tx): Promise<void> {
  const { rows } = await sql<{ encoding: string }>`select current_setting('server_encoding') as encoding`.execute(tx)
  const { encoding } = rows[0] as { encoding: string }
  if (!['UTF8', 'SQL_ASCII'].includes(encoding))
    throw new Error(`the database has the encoding ${encoding}, which lacks characters: create one with UTF8`)
}

/**
 * One migration: what it locks is free again before the next one waits for a table or builds an index. All of them where there are
 * none yet, for nobody uses that database.
 */
async function run(tx: Tx): Promise<string[]> {
  const pending = await pendingMigrations(tx)
  if (pending.length === 0) return []
  const isNew = pending.length === (await migrationNames()).length
  if (isNew) await refuseEncoding(tx)
  await makeSchema(tx)
  const migrator = new Migrator({
    db: tx,
    provider: { getMigrations: allMigrations },
    migrationTableSchema: SCHEMA,
    allowUnorderedMigrations: false
  })
  const { error, results = [] } = await (isNew ? migrator.migrateToLatest() : migrator.migrateUp())
  if (error !== undefined) throw error
  return results.map((result) => result.migrationName)
}
