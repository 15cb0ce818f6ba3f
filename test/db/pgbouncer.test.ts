import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { query, testServer, withDatabase } from '../database.ts'
import { debianProgram } from '../debian.ts'
import { codeIn, newKey, type Running, startInstance, until } from '../helper.ts'
import { freePort } from './own-server.ts'

const isRoot = process.getuid?.() === 0
/** PgBouncer refuses to run as root. */
const nobody = { uid: 65_534, gid: 65_534 }
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }

/** The version that is installed; installs Debian's when there is none. */
function pgbouncerVersion(): number {
  const look = () =>
    /PgBouncer (\d+)\.(\d+)/.exec(spawnSync('pgbouncer', ['--version'], { env, encoding: 'utf8' }).stdout ?? '')
  const found = debianProgram('pgbouncer', look)
  return Number(found[1]) * 100 + Number(found[2])
}

/** An empty database behind a PgBouncer in transaction mode, as Debian's comes: without support for named statements. */
async function pooledDatabase(t: Test): Promise<{ direct: string; pooled: string }> {
  const version = pgbouncerVersion()
  const server = await testServer()
  const name = `postern_pooled_${process.pid}`
  await query(server.url, `create database ${name}`)
  t.teardown(() => query(server.url, `drop database ${name} with (force)`))
  const direct = withDatabase(server.url, name)
  const { hostname, port, username, password } = new URL(direct)
  const folder = mkdtempSync(join(tmpdir(), 'postern-pgbouncer-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const listen = await freePort()
  const config = join(folder, 'pgbouncer.ini')
  const login = `user=${decodeURIComponent(username)} password='${decodeURIComponent(password).replaceAll("'", "''")}'`
  const settings = [
    '[databases]',
    `${name} = host=${hostname} port=${port || 5432} dbname=${name} ${login}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listen}`,
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 3',
    'unix_socket_dir =',
    ...(version >= 121 ? ['max_prepared_statements = 0'] : [])
  ]
  writeFileSync(config, settings.join('\n'), { mode: 0o600 })
  if (isRoot) for (const path of [folder, config]) chownSync(path, nobody.uid, nobody.gid)
  chmodSync(folder, 0o700)

  const bouncer = spawn('pgbouncer', [config], {
    env,
    cwd: '/',
    ...(isRoot && nobody),
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let said = ''
  bouncer.stderr.on('data', (part) => (said += part))
  t.teardown(async () => {
    bouncer.kill('SIGKILL')
    await until(() => bouncer.signalCode !== null || bouncer.exitCode !== null)
  })
  const pooled = `postgres://postern@127.0.0.1:${listen}/${name}`
  await until(async () => {
    if (bouncer.exitCode !== null) throw new Error(`pgbouncer did not start: ${said}`)
    return await query(pooled, 'select 1').catch(() => undefined)
  })
  return { direct, pooled }
}

async function journey(running: Running, email: string): Promise<number[]> {
  const { api, inbox } = running
  const asked = await api.requestOtp({ email })
  const mail = await until(() => inbox?.mails(email)[0])
  const signedIn = await api.verifyOtp({ challenge: asked.body.challenge, code: codeIn(mail.text) })
  const current = await api.getSession({ bearer: signedIn.body.access_token })
  const refreshed = await api.refreshSession({ refresh_token: signedIn.body.refresh_token })
  const listed = await api.listSessions({ bearer: refreshed.body.access_token })
  const left = await api.logout({ refresh_token: refreshed.body.refresh_token })
  const after = await api.getSession({ bearer: refreshed.body.access_token })
  return [asked, signedIn, current, refreshed, listed, left, after].map(({ status }) => status)
}

t.test('behind PgBouncer in transaction mode the whole of it works, from the empty database on', async (t) => {
  const { direct, pooled } = await pooledDatabase(t)
  const locks = `select from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`
  const settings = { SECRET_KEYS: newKey(), DATABASE_PREPARED: 'off' }

  const runs = await Promise.all(Array.from({ length: 8 }, () => migrate(pooled)))
  const instances = await Promise.all([1, 2, 3].map(() => startInstance(t, pooled, settings)))
  const ready = await Promise.all(instances.map(({ api }) => api.getReadiness()))
  const journeys = instances.flatMap((running, nth) =>
    Array.from({ length: 10 }, (_, person) => journey(running, `maya${nth}-${person}@example.com`))
  )
  const statuses = await Promise.all(journeys)
  const backends = await query<{ n: number }>(
    direct,
    'select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
  )

  t.equal(runs.filter((ran) => ran.length > 0).length, 1, 'one made the schema')
  // The instances' own housekeeping may hold one at this moment, in its transaction; a lock of a connection would stay.
  await until(async () => (await query(direct, locks)).length === 0)
  t.strictSame(
    ready.map(({ status }) => status),
    [200, 200, 200]
  )
  for (const all of statuses) t.strictSame(all, [202, 200, 200, 200, 200, 204, 401])
  t.ok((backends[0]?.n ?? 99) <= 3, `three connections served thirty journeys: ${backends[0]?.n}`)
})

t.test('the proof is one: this PgBouncer does not keep a named statement for its client', async (t) => {
  const { pooled } = await pooledDatabase(t)
  const clients = [1, 2, 3, 4].map(() => new pg.Client({ connectionString: pooled }))
  for (const client of clients) await client.connect()

  const asked = clients.map((client) =>
    client.query({ name: 'same', text: 'select pg_sleep(0.1), $1::int', values: [1] })
  )
  const outcomes = await Promise.allSettled(asked)
  for (const client of clients) await client.end()

  t.ok(outcomes.some(({ status }) => status === 'rejected'))
})
