import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeDatabase, testServer } from '../database.ts'
import { until } from '../helper.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Runs Node with a compile cache in a folder. */
function node(cache: string, args: string[], env: Record<string, string>) {
  const settings = { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, ...env }
  const child = spawn(process.execPath, args, { cwd: ROOT, env: settings, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += part))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { process: child, said: () => said, ended }
}

t.test(
  'types are stripped by another process, even for the first start of new sources on an empty database',
  async (t) => {
    const cache = mkdtempSync(join(tmpdir(), 'postern-warm-'))
    t.teardown(() => rmSync(cache, { recursive: true, force: true }))
    const server = await testServer()
    const database = await makeDatabase(server.url)
    t.teardown(() => database.drop())
    await database.sql('drop schema postern cascade')
    const stripped = `process.moduleLoadList.some((name) => name.includes('deps/amaro/dist'))`
    const hook = `data:text/javascript,process.on('exit', () => console.log('stripped: ' + ${stripped}))`
    const env = { DATABASE_URL: database.url, DATA_DIR: cache, PORT: '0', NODE_ENV: 'test' }

    const child = node(cache, ['--import', hook, 'src/cli/postern.js'], env)
    await until(() => /listening/.test(child.said()), 60)
    child.process.kill('SIGINT')

    t.equal(await child.ended, 0)
    t.match(child.said(), 'stripped: false')
    t.ok(readdirSync(cache, { recursive: true, encoding: 'utf8' }).some((name) => /postern-\w+$/.test(name)))
  }
)

t.test('a cache that cannot be written is no reason not to start', async (t) => {
  const child = node('/dev/null/cache', ['src/cli/postern.js'], { PORT: 'none' })

  t.equal(await child.ended, 1)
  t.match(child.said(), /PORT/)
})

t.test('sources are known again after a layer of an image has cut their times to whole seconds', async (t) => {
  const sources = { 'boot.ts': '', cli: { 'warm-up.js': readFileSync(join(ROOT, 'src/cli/warm-up.js'), 'utf8') } }
  const folder = t.testdir({ 'package.json': '{ "type": "module" }', cache: {}, migrations: {}, src: sources })
  const show = `import('${folder}/src/cli/warm-up.js').then(({ markOfWarmth }) => console.log(markOfWarmth()))`
  const mark = async (): Promise<string> => {
    const child = node(join(folder, 'cache'), ['-e', show], {})
    t.equal(await child.ended, 0)
    return child.said()
  }
  const markAt = async (seconds: number): Promise<string> => {
    for (const name of ['src/boot.ts', 'src/cli', 'src/cli/warm-up.js'])
      utimesSync(join(folder, name), seconds, seconds)
    return await mark()
  }

  const built = await markAt(1_800_000_000.852)
  t.match(built, /postern-\w{16}\n$/)
  t.equal(await markAt(1_800_000_000), built)
  // Another file system has other sizes for a folder, and here it is its time that stands for them.
  utimesSync(join(folder, 'src/cli'), 1_700_000_000, 1_700_000_000)
  t.equal(await mark(), built)
  t.not(await markAt(1_800_000_001), built)
})
