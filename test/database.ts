import { readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'

const TEMPLATE = 'postern_test_template'

/** Bytes of memory that a run's server may need by far: every test has a database of 8 MB, and there is the log of the server. */
const PLENTY = 2 * 2 ** 30

/** Where the server's data stands: in memory where there is plenty, for a third of a run's time went into copying files. */
const PLACE = isRoomy('/dev/shm') ? '/dev/shm' : tmpdir()

function isRoomy(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize >= PLENTY
  } catch {
    return false
  }
}

const FOLDER = `postern-tests-${process.getuid?.() ?? 'user'}-`

/**
 * The server that a run's tests share: one for each run, so that two at once don't stop each other's. Its data is worth
 * nothing, so it does not wait for the disk.
 */
export async function testServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL
  if (given && new URL(given).password === '')
    throw new Error('TEST_DATABASE_URL must hold a password: tests look whether it gets out')
  if (given) return { url: given, stop: async () => undefined }
  clearAway()
  const dataDir = join(PLACE, `${FOLDER}${process.pid}`)
  const server = await startEmbedded({
    dataDir,
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      max_connections: '400',
      max_wal_size: '256MB'
    }
  })
  // What proves the password to the server at every connection took a thirtieth of a run's time.
  await query(
    server.url,
    `set scram_iterations = 1; alter role current_user password '${new URL(server.url).password}'`
  )
  const stop = async (): Promise<void> => {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { url: server.url, stop }
}

/** Ends the servers of runs that were killed, and removes their data. */
function clearAway(): void {
  for (const name of readdirSync(PLACE).filter((name) => name.startsWith(FOLDER))) {
    if (isAlive(Number(name.slice(FOLDER.length)))) continue
    const folder = join(PLACE, name)
    const pidFile = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((file) =>
      /(^|\/)postmaster\.pid$/.test(file)
    )
    const left = pidFile === undefined ? 0 : Number.parseInt(readFileSync(join(folder, pidFile), 'utf8'), 10)
    if (left > 0 && isAlive(left)) process.kill(left, 'SIGQUIT')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values?: unknown[]
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/**
 * A pool for statements of a test's own. `end` does not wait until the server has seen the goodbyes: the database may be
 * dropped before, which is then no error.
 */
export function poolOf(url: string, max = 10): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', (error) => {
    if (!pool.ending) throw error
  })
  return pool
}

/** Connections that are kept for whatever a test asks; those at rest may break, for tests stop servers and end connections. */
function keptPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, allowExitOnIdle: true })
  pool.on('error', () => undefined)
  return pool
}

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** Makes the database that every test's own is a copy of. */
export async function prepareTemplate(serverUrl: string): Promise<void> {
  await query(serverUrl, `drop database if exists ${TEMPLATE} with (force)`)
  await query(serverUrl, `create database ${TEMPLATE}`)
  await migrate(withDatabase(serverUrl, TEMPLATE))
}

type TestDatabase = {
  url: string
  /** Runs a statement. A connection costs more than most of what tests ask for, so they are kept. */
  sql: <Row extends pg.QueryResultRow = Record<string, unknown>>(text: string, values?: unknown[]) => Promise<Row[]>
  drop: () => Promise<void>
}

let made = 0
/** By the server's address: where this process makes its databases and drops them. */
const servers = new Map<string, pg.Pool>()

/** A migrated database of the test's own. */
export async function makeDatabase(serverUrl: string): Promise<TestDatabase> {
  made += 1
  const name = `postern_test_${process.pid}_${made}`
  const server = servers.get(serverUrl) ?? keptPool(serverUrl)
  servers.set(serverUrl, server)
  const dropIt = `drop database if exists ${name} with (force)`
  await server.query(dropIt)
  await server.query(`create database ${name} template ${TEMPLATE} strategy file_copy`)
  const url = withDatabase(serverUrl, name)
  const pool = keptPool(url)
  return {
    url,
    sql: async (text, values) => (await pool.query(text, values)).rows,
    drop: async () => {
      await pool.end()
      // Nobody waits for it: the server sleeps for 100 ms whenever a connection is not quite gone. One that stops takes it along.
      server.query(dropIt).catch(() => undefined)
    }
  }
}
