import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { makeDatabase, testServer } from '../database.ts'
import { newKey, type Settings, until } from '../helper.ts'

const program = fileURLToPath(new URL('../../src/cli/postern.js', import.meta.url))

async function takenPort(t: Test): Promise<string> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  t.teardown(() => holder.close())
  return String((holder.address() as AddressInfo).port)
}

/** What a start that must fail says, and the code it ends with; undefined when it had to be killed. */
async function failedStart(t: Test, settings: Settings): Promise<{ code: number | undefined; said: string }> {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const { PATH, HOME, TMPDIR } = process.env
  const own = { NODE_ENV: 'test', PORT: '0', DATABASE_URL: database.url, SECRET_KEYS: newKey() }
  const env = { PATH, HOME, TMPDIR, ...own, ...settings }
  return await new Promise((resolve) =>
    execFile(process.execPath, [program], { env, timeout: 60_000, killSignal: 'SIGKILL' }, (error, out, fault) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : undefined, said: out + fault })
    )
  )
}

for (const name of ['PORT', 'METRICS_PORT'])
  t.test(`a start that finds ${name} taken says so and ends, and does not hang`, async (t) => {
    const taken = await takenPort(t)

    const { code, said } = await failedStart(t, { [name]: taken })

    t.equal(code, 1)
    t.match(said, `HOST, ${name}: listen EADDRINUSE: address already in use 127.0.0.1:${taken}`)
  })

t.test(
  'a start that fails ends its log with a line of JSON like any other; without a log it is told plainly',
  async (t) => {
    const settings = { HOST: 'nowhere.invalid' }

    const { code, said } = await failedStart(t, settings)
    const silent = await failedStart(t, { ...settings, LOG_LEVEL: 'silent' })

    t.match(
      said
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .at(-1),
      {
        level: 'fatal',
        msg: /^could not start: HOST, PORT: getaddrinfo .*nowhere\.invalid/
      }
    )
    t.match(silent.said, /^HOST, PORT: getaddrinfo .*nowhere\.invalid\n$/)
    t.strictSame([code, silent.code], [1, 1])
  }
)

t.test('a start that cannot reach the database names the setting', async (t) => {
  const { code, said } = await failedStart(t, { DATABASE_URL: 'postgres://me:secret@127.0.0.1:9/none' })

  t.equal(code, 1)
  t.match(said, 'could not start: DATABASE_URL: the database is not available')
  t.notMatch(said, 'secret')
})

t.test('a start logs what LOG_LEVEL says, and points out a setting that is misspelt', async (t) => {
  const settings = { HOST: 'nowhere.invalid', CODE_TTTL: '60' }

  const [warned, debugged, quiet] = [
    await failedStart(t, { ...settings, LOG_LEVEL: 'warn' }),
    await failedStart(t, { ...settings, LOG_LEVEL: 'debug' }),
    await failedStart(t, { ...settings, LOG_LEVEL: 'fatal' })
  ].map(({ said }) =>
    said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  )

  const hint = { level: 'warn', msg: 'CODE_TTTL is not a setting; CODE_TTL is' }
  t.match(warned, [hint, { level: 'fatal', err: undefined }])
  t.match(debugged?.at(0), hint)
  t.match(debugged?.at(-1), { level: 'fatal', err: { message: /nowhere/ } })
  t.match(quiet, [{ level: 'fatal' }])
  t.equal(quiet?.length, 1)
})

t.test('a start that waits for somebody else’s table ends when it is told to', async (t) => {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const dump = new pg.Client({ connectionString: database.url })
  await dump.connect()
  t.teardown(() => dump.end())
  await dump.query(
    `alter table postern."user" drop column change_level, drop column change_level_at;
     drop index postern.password_reset_address, postern.mail_settled_address, postern.challenge_without_mail;
     alter table postern.session drop column device_id;
     drop table postern.decoy;
     drop index postern.session_account;
     delete from postern.kysely_migration where name >= '0011'`
  )
  await dump.query('begin; lock table postern."user" in access share mode')
  const { PATH, HOME, TMPDIR } = process.env
  const own = { NODE_ENV: 'test', PORT: '0', DATABASE_URL: database.url, SECRET_KEYS: newKey() }
  const service = spawn(process.execPath, [program], {
    env: { PATH, HOME, TMPDIR, ...own },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => service.kill('SIGKILL'))
  let said = ''
  service.stdout.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(service, 'exit')

  await until(() => /waiting for a table/.test(said), 60)
  service.kill('SIGTERM')

  t.strictSame(await ended, [0, null])
  t.match(said, 'stopped before it had started')
})

for (const [whom, toGroup] of [
  ['npm alone', false],
  ['all of its group, as a terminal and a supervisor do', true]
] as const)
  t.test(`under npm start a signal to ${whom} lets the service end in order`, async (t) => {
    const database = await makeDatabase((await testServer()).url)
    t.teardown(() => database.drop())
    const { PATH, HOME, TMPDIR } = process.env
    const own = { NODE_ENV: 'test', PORT: '0', DATABASE_URL: database.url, SECRET_KEYS: newKey() }
    const npm = spawn('npm', ['start', '--silent'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { PATH, HOME, TMPDIR, ...own },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true
    })
    const ended = once(npm, 'exit')
    let said = ''
    npm.stdout.on('data', (chunk) => {
      said += chunk
    })
    const url = await until(() => /listening on (http:[^"]+)"/.exec(said)?.[1], 60)
    const pid = npm.pid as number
    t.teardown(() => {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {} // all of them have ended
    })

    process.kill(toGroup ? -pid : pid, 'SIGTERM')
    await until(() => said.includes('shutting down'))
    if (toGroup) process.kill(-pid, 'SIGTERM') // npm passes on what the service has got already, a little sooner or later
    await ended

    t.match(said, '"stopped"', 'npm has waited for it')
    await t.rejects(fetch(`${url}/livez`), 'and nothing is left that answers')
  })
