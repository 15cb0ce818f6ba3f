import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeLog } from '../../src/cli/log.ts'
import { standardOutput } from '../../src/cli/standard-output.ts'
import { makeDatabase, testServer } from '../database.ts'
import { newKey, until } from '../helper.ts'

const program = fileURLToPath(new URL('../../src/cli/postern.js', import.meta.url))

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  holder.close()
  return port
}

t.test(
  'of an error its name, message, code, stack and causes are logged, and nothing that could hold an address',
  async (t) => {
    const lines: string[] = []
    const into = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk))
        done()
      }
    })
    const cause = Object.assign(new Error('duplicate key'), {
      code: '23505',
      detail: 'Key (email_key)=(maya@example.com) already exists.',
      parameters: ['maya@example.com']
    })
    const outer = Object.assign(new Error('outer', { cause }), { envelope: { to: ['maya@example.com'] } })

    makeLog('info', into).error({ err: outer }, 'told')

    t.match(JSON.parse(lines.join('')).err, { message: 'outer', cause: { message: 'duplicate key', code: '23505' } })
    t.notMatch(lines.join(''), 'maya@example.com')
  }
)

t.test('a service whose log nobody takes serves, and ends in order', async (t) => {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const { PATH, HOME, TMPDIR } = process.env
  const port = await freePort()
  const own = { NODE_ENV: 'test', PORT: String(port), DATABASE_URL: database.url, SECRET_KEYS: newKey() }
  const full = openSync('/dev/full', 'w') // a disk on which nothing has room
  const service = spawn(process.execPath, [program], {
    env: { PATH, HOME, TMPDIR, ...own },
    stdio: ['ignore', full, 'inherit']
  })
  closeSync(full)
  t.teardown(() => service.kill('SIGKILL'))
  const ended = once(service, 'exit')
  const answers = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      ({ status }) => status,
      () => undefined
    )

  await until(async () => (await answers('/readyz')) === 200, 60)
  for (let nth = 0; nth < 30; nth++) await answers('/v1/nowhere')
  t.equal(await answers('/livez'), 200)
  service.kill('SIGTERM')

  t.strictSame(await ended, [0, null])
})

t.test('what a log could not write is counted, and told once it can again; a torn line spoils no other', async (t) => {
  let written = ''
  let room = 15
  const log = standardOutput((bytes) => {
    if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const taken = bytes.subarray(0, room)
    room -= taken.length
    written += taken
    return taken.length
  })

  log.write('{"nth":1}\n')
  log.write('{"nth":2}\n')
  log.write('{"nth":3}\n')
  room = 1000
  log.write('{"nth":4}\n')

  const lines = written.trim().split('\n')
  t.strictSame(lines.slice(0, 2), ['{"nth":1}', '{"nth'])
  t.match(JSON.parse(lines[2] as string), { level: 'warn', lines: 2, msg: /were dropped/ })
  t.strictSame(lines.slice(3), ['{"nth":4}'])
})

t.test('a pipe that is full for a moment loses nothing, and one that stays full is waited for once', async (t) => {
  let written = ''
  let refusals = 3
  const log = standardOutput((bytes) => {
    if (refusals-- > 0) throw Object.assign(new Error('try again'), { code: 'EAGAIN' })
    written += bytes
    return bytes.length
  })

  log.write('{"nth":1}\n')
  t.equal(written, '{"nth":1}\n')
  refusals = Number.POSITIVE_INFINITY
  log.write('{"nth":2}\n')
  let looks = 0
  refusals = 1000
  const before = refusals
  for (let nth = 0; nth < 5; nth++) log.write('{"nth":3}\n')
  looks = before - refusals

  t.equal(looks, 5, 'one look a line while nobody reads')
})
