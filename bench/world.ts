import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import pg from 'pg'
import { startEmbedded } from '../src/db/embedded.ts'
import { type Child, type Helper, startHelper, startServer } from './children.ts'

export const ISSUER = 'https://bench.example'

export type World = {
  /** The base64url master key of the service: codes and tokens can be made without it. */
  secretKey: string
  databaseUrl: string
  /** Connections of the bench's own, for rows made ahead. */
  pool: pg.Pool
  postgres: string
  sink: Helper
  service: Child
  ideal: Child
  /** Whether the server counts statements; else the service's driver does. */
  serverCounts: boolean
  /** Another instance of the service on the same database. @param env settings that differ */
  startService: (env?: Record<string, string>) => Promise<Child>
  /** A bare Fastify whose every login costs a check of this hash. */
  startBareLogin: (hash: string) => Promise<Child>
  /** A second database on the same server, and a service of its own for it. */
  startTwin: () => Promise<World>
}

/** Runs `work` in a world of its own, and takes the world down whatever happens. @param profile where both servers' CPU profiles go: a folder, and how the names begin */
export async function withWorld<T>(profile: string | undefined, work: (world: World) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = []
  try {
    return await Promise.race([build(profile, undo).then(work), interrupted()])
  } finally {
    for (const step of undo.reverse()) {
      await Promise.resolve()
        .then(step)
        .catch((error: Error) => console.error(`while cleaning up: ${error.message}`))
    }
  }
}

function interrupted(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(`got ${signal}`)))
  })
}

async function build(profile: string | undefined, undo: (() => unknown)[]): Promise<World> {
  const scratch = mkdtempSync(join(tmpdir(), 'postern-bench-'))
  undo.push(() => rmSync(scratch, { recursive: true, force: true }))
  chmodSync(scratch, 0o711) // as root, Postgres runs as somebody who must pass through
  const server = await openServer(scratch)
  undo.push(server.stop)
  const { databaseUrl, pool } = await makeDatabase(server.url, `postern_bench_${process.pid}`, undo)
  const serverCounts = await countsStatements(pool)
  const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`)

  const sink = startHelper('sink.ts')
  undo.push(sink.stop)
  const secretKey = randomBytes(32).toString('base64url')
  const smtpUrl = `smtp://127.0.0.1:${await sink.first}`
  const logFile = join(scratch, 'service.log')
  const started = howItStarts()
  const start = (nodeFlags: readonly string[], env: Record<string, string> = {}): Promise<Child> =>
    startServer({
      script: 'src/cli/postern.js',
      nodeFlags: [...started.flags, ...nodeFlags],
      ready: '/readyz',
      logFile,
      env: {
        NODE_ENV: 'test', // production refuses to run without client quotas, which the load would meet at once
        CLIENT_LIMITS: 'off',
        LOG_LEVEL: 'info',
        PUBLIC_URL: ISSUER,
        DATABASE_URL: databaseUrl,
        SMTP_URL: smtpUrl,
        SECRET_KEYS: secretKey,
        RESET_URL: `${ISSUER}/reset`,
        ...started.env,
        ...env
      }
    })
  const profiled = (who: string): string[] =>
    profile
      ? ['--cpu-prof', `--cpu-prof-dir=${dirname(profile)}`, `--cpu-prof-name=${basename(profile)}-${who}.cpuprofile`]
      : []
  const service = await start([
    ...(serverCounts ? [] : ['--import', join(import.meta.dirname, 'count-at-driver.ts')]),
    ...profiled('service')
  ])
  undo.push(service.stop)
  const ideal = await startServer({
    script: 'bench/ideal.ts',
    nodeFlags: profiled('ideal'),
    ready: '/livez',
    logFile: join(scratch, 'ideal.log'),
    env: { DATABASE_URL: databaseUrl, NODE_ENV: 'production' }
  })
  undo.push(ideal.stop)
  const postgres = `${rows[0]?.version}, ${server.kind}`
  const startService = (env?: Record<string, string>): Promise<Child> => start([], env)
  const startBareLogin = (hash: string): Promise<Child> =>
    startServer({
      script: 'bench/bare-login.ts',
      ready: '/livez',
      logFile: join(scratch, 'bare-login.log'),
      env: { DATABASE_URL: databaseUrl, NODE_ENV: 'production', HASH: hash }
    })
  const world = {
    startBareLogin,
    secretKey,
    databaseUrl,
    pool,
    postgres,
    sink,
    service,
    ideal,
    serverCounts,
    startService
  }
  const startTwin = async (): Promise<World> => {
    const twin = await makeDatabase(server.url, `postern_bench_${process.pid}_twin`, undo)
    const service = await startService({ DATABASE_URL: twin.databaseUrl })
    undo.push(service.stop)
    return { ...world, ...twin, service, startTwin }
  }
  return { ...world, startTwin }
}

async function makeDatabase(serverUrl: string, name: string, undo: (() => unknown)[]) {
  await query(serverUrl, `create database ${name}`)
  undo.push(() => query(serverUrl, `drop database ${name} with (force)`))
  const databaseUrl = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, application_name: 'bench' })
  pool.on('error', () => {})
  undo.push(() => pool.end())
  return { databaseUrl, pool }
}

/** The V8 flags and the environment that `npm start` gives the service. */
function howItStarts(): { flags: string[]; env: Record<string, string> } {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  const words = (scripts.start as string).split(' ')
  return {
    flags: words.filter((word) => word.startsWith('--')),
    env: Object.fromEntries(words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=')))
  }
}

/** Postgres with the settings it has under `npm start`: durable, nothing relaxed. */
async function openServer(scratch: string): Promise<{ url: string; kind: string; stop: () => unknown }> {
  const given = process.env.BENCH_DATABASE_URL
  if (given) return { url: given, kind: 'from BENCH_DATABASE_URL', stop: () => undefined }
  const embedded = await startEmbedded({ dataDir: join(scratch, 'data') })
  return { url: embedded.url, kind: 'embedded', stop: embedded.stop }
}

async function countsStatements(pool: pg.Pool): Promise<boolean> {
  try {
    await pool.query('create extension if not exists pg_stat_statements')
    await pool.query('select from pg_stat_statements limit 1')
    return true
  } catch {
    return false
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(text).finally(() => client.end())
}
