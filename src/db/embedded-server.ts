import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { MINUTE, milliseconds, monotonicNow } from '../lib/time.ts'
import type { Site } from './embedded-files.ts'
import {
  disarmPostmasterFile,
  findPostmaster,
  LOOK_AGAIN,
  markOf,
  type Postmaster,
  readIfThere,
  runServerProgram,
  spawnServerProgram,
  stopPostmaster,
  until
} from './embedded-process.ts'

/** User and database. */
const NAME = 'postern'
const DRAFT = 'draft-'
/** A recovery after a crash is the slow case. */
export const READY_PATIENCE = MINUTE
/** Seconds to try again when another program took the port first, or backends of a killed server are still ending. */
const IN_USE_PATIENCE = 5

/** Holds the mark of the process that started the server. */
export const ownerFile = (home: string) => join(home, 'owner')
const passwordFile = (home: string) => join(home, 'password')

export function urlOf(home: string, port: number, database = NAME): string {
  return `postgres://${NAME}:${readFileSync(passwordFile(home), 'utf8')}@127.0.0.1:${port}/${database}`
}

/** Makes the cluster and the password, all or nothing: the folder gets its name when it is complete. */
export async function makeCluster({ home, cluster, user }: Site, binaries: string): Promise<void> {
  const abandoned = readdirSync(home).filter((name) => name.startsWith(DRAFT))
  for (const name of abandoned) rmSync(join(home, name), { recursive: true, maxRetries: 10 }) // its initdb may still run
  const draft = mkdtempSync(join(home, DRAFT))
  const password = randomBytes(24).toString('base64url')
  const passwordForInitdb = join(draft, 'password')
  writeFileSync(passwordForInitdb, password, { mode: 0o600 })
  if (user !== undefined) for (const path of [draft, passwordForInitdb]) chownSync(path, user.uid, user.gid)
  try {
    // Postgres' own C.UTF-8 sorts like the C library's, and is there on macOS too.
    const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8']
    const access = [`--username=${NAME}`, `--pwfile=${passwordForInitdb}`, '--auth=scram-sha-256']
    const made = join(draft, 'cluster')
    await runServerProgram(join(binaries, 'bin', 'initdb'), ['-D', made, '--no-sync', ...locale, ...access], user)
    replaceFile(passwordFile(home), password)
    renameSync(made, cluster)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

export async function launchUnlessInUse(
  site: Site,
  binaries: string,
  settings: Record<string, string>
): Promise<Postmaster> {
  const deadline = monotonicNow() + IN_USE_PATIENCE
  for (;;) {
    try {
      return await launch(site, binaries, settings)
    } catch (error) {
      if (!/(already|still) in use/.test((error as Error).message) || monotonicNow() > deadline) throw error
      await sleep(milliseconds(10 * LOOK_AGAIN))
    }
  }
}

/** Starts the server and waits until it takes connections. Throws with the end of its log when it does not. */
async function launch(site: Site, binaries: string, settings: Record<string, string>): Promise<Postmaster> {
  const { home, cluster, user } = site
  disarmPostmasterFile(cluster)
  replaceFile(ownerFile(home), String(markOf(process.pid))) // before the server is there: we may be killed right after
  const extension = join(binaries, 'share', 'postgresql', 'extension', 'pg_stat_statements.control')
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(await freePort()),
    unix_socket_directories: '', // a path under a deep folder is longer than a socket's may be
    max_connections: '200',
    ...(existsSync(extension) && { shared_preload_libraries: 'pg_stat_statements' }),
    ...settings
  }
  const logFile = join(home, 'server.log')
  const log = openSync(replaceFile(logFile, ''), 'a')
  const args = ['-D', cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  // A file, and nothing of ours: a server that held our standard output would keep `npm start | head` waiting for ever.
  const child = spawnServerProgram(join(binaries, 'bin', 'postgres'), args, { user, output: log, detached: true })
  closeSync(log)
  child.unref()
  let ended: string | undefined
  child.once('error', (error) => (ended = error.message))
  child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? code}`))

  let found: Postmaster | undefined
  await until(() => {
    found = findPostmaster(cluster)
    return ended !== undefined || (found?.pid === child.pid && found?.ready === true)
  }, READY_PATIENCE)
  if (ended === undefined && found?.ready) return found
  if (child.pid !== undefined) await stopPostmaster(child.pid, cluster)
  const lines = readIfThere(logFile)?.trimEnd().split('\n').slice(-15).join('\n')
  throw new Error(`Postgres did not start: ${ended ?? 'it did not become ready'} (${logFile})\n${lines}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/** Makes a file that only the starting user reads, also where root and the cluster's own user start it in turn. */
function replaceFile(path: string, text: string): string {
  rmSync(path, { force: true })
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** Makes the database at the first start, and checks at every later one that the password still works. */
export async function makeDatabase(home: string, port: number): Promise<void> {
  try {
    await query(urlOf(home, port), 'select 1')
  } catch (error) {
    if ((error as pg.DatabaseError).code !== '3D000') throw error // invalid_catalog_name: there is no such database
    await query(urlOf(home, port, 'postgres'), `create database ${NAME}`)
  }
}

export async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: milliseconds(5) })
  client.on('error', () => {}) // a lost connection rejects the call below too; unheard, it would end the process
  try {
    await client.connect()
    await client.query(text)
  } finally {
    await client.end()
  }
}
