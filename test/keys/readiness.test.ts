import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { secretsOf } from '../../src/keys/secrets.ts'
import { newId } from '../../src/lib/identifier.ts'
import { MINUTE } from '../../src/lib/time.ts'
import type { Answer } from '../contract-client.ts'
import { type Api, newKey, start, until } from '../helper.ts'
import { another, startWithPasswords } from '../password/with-password.ts'
import { idOf } from './command.ts'

const email = 'maya@example.com'
const password = 'sieben Zwetschgen im Korb'
const allWell = { database: { ok: true }, migrations: { ok: true }, keys: { ok: true }, mail: { ok: true } }

/** The readiness once it is what it should be; an answer stands for a second. */
const readiness = (api: Api, status: number): Promise<Answer> =>
  until(async () => {
    const answer = await api.getReadiness()
    return answer.status === status ? answer : undefined
  })

/** An instance that knows key A only, and one beside it that makes everything with key B. */
async function startLacking(t: Test) {
  const [keyA, keyB] = [newKey(), newKey()]
  const lacking = await start(t, { SECRET_KEYS: keyA })
  const knowing = await lacking.another({ SECRET_KEYS: `${keyB},${keyA}` })
  const codeOf = (challenge: string): string => {
    const read = knowing.ctx.secrets.readChallenge(challenge)
    if (read === undefined) throw new Error('no challenge')
    return knowing.ctx.secrets.code(read)
  }
  const signIn = async (api: Api, to: string = email): Promise<Answer> => {
    const { challenge } = (await api.requestOtp({ email: to })).body
    return await api.verifyOtp({ challenge, code: codeOf(challenge) })
  }
  return { ...lacking, keyA, keyB, lacking, knowing, codeOf, signIn }
}

t.test('an instance where all is well is alive and ready', async (t) => {
  const { api, signIn } = await start(t)
  await signIn(email)

  const [alive, ready] = [await api.getLiveness(), await api.getReadiness()]

  t.match(alive, { status: 200, body: { status: 'alive' } })
  t.equal(ready.status, 200)
  t.strictSame(ready.body, { status: 'ready', checks: allWell })
  for (const { headers } of [alive, ready]) t.equal(headers.get('cache-control'), 'no-store')
})

for (const [kind, use] of [
  ['session', (api, signIn) => signIn(api)],
  ['challenge', (api) => api.requestOtp({ email })],
  ['reset', (api) => api.requestPasswordReset({ email })],
  ['signing_key', async () => undefined]
] as [string, (api: Api, signIn: (api: Api) => Promise<unknown>) => Promise<unknown>][])
  t.test(`an instance that lacks the key of a ${kind} is alive and not ready, and names the key`, async (t) => {
    const { lacking, knowing, signIn, keyA, keyB } = await startLacking(t)

    await use(knowing.api, signIn)

    const answer = await readiness(lacking.api, 503)
    t.match(answer.body.checks.keys, { ok: false, detail: new RegExp(`${idOf(keyB)} \\(${kind}\\)`) })
    t.match(answer.headers.get('retry-after'), /^[1-9]/)
    for (const key of [keyA, keyB]) t.notMatch(JSON.stringify(answer.body), key)
    t.equal((await lacking.api.getLiveness()).status, 200)
    t.equal((await knowing.api.getReadiness()).status, 200)
  })

t.test('an instance that cannot sign promises nothing that others would have to keep', async (t) => {
  const { signIn, another } = await start(t)
  await signIn(email)
  const rogue = await another({ SECRET_KEYS: newKey(), LOG_LEVEL: 'warn' })

  const asked = [await rogue.api.requestOtp({ email }), await rogue.api.requestPasswordReset({ email })]

  for (const { problem } of asked) t.match(problem, { status: 503, code: 'unavailable' })
  t.match((await readiness(rogue.api, 503)).body.checks.keys, { ok: false })
  t.match(rogue.log.join(''), 'not ready: SECRET_KEYS lacks keys in use', 'and whoever started it is told')
  t.equal((await (await another()).api.getReadiness()).status, 200)
})

t.test('an instance is ready again when nothing needs the key that it lacks', async (t) => {
  const { lacking, knowing, signIn, keyA, keyB, sql, another } = await startLacking(t)
  await signIn(knowing.api)
  await readiness(lacking.api, 503)
  await knowing.stop()

  await another({ SECRET_KEYS: `${keyA},${keyB}` }) // reseals the signing keys with A
  await sql('update postern.session set revoked_at = now()')
  await sql("delete from postern.mail where state = 'queued'")

  t.strictSame((await readiness(lacking.api, 200)).body.checks, allWell)
})

t.test('what an instance cannot make for want of a key is unavailable, and no fault and no sign-out', async (t) => {
  const { lacking, knowing, signIn } = await startLacking(t)
  const { body: session } = await signIn(lacking.api)
  await knowing.api.refreshSession({ refresh_token: session.refresh_token })
  const key = { headers: { 'idempotency-key': randomUUID() } }
  await knowing.api.requestOtp({ email }, key)

  const answers = [
    await lacking.api.refreshSession({ refresh_token: session.refresh_token }),
    await lacking.api.requestOtp({ email }, key)
  ]

  for (const { problem, headers } of answers) {
    t.match(problem, { status: 503, code: 'unavailable' })
    t.match(headers.get('retry-after'), /^[1-9]/)
  }
  t.match(lacking.log.join(''), 'a dependency is not available', 'and the log has the reason')
  const elsewhere = await knowing.api.refreshSession({ refresh_token: session.refresh_token })
  t.equal(elsewhere.status, 200, 'and the next instance answers it')
})

t.test('a link that only another instance can write is left to it, and is no fault', async (t) => {
  const { lacking, knowing, signIn } = await startLacking(t)
  await signIn(knowing.api)
  for (let link = 0; link < 3; link++) await knowing.api.requestPasswordReset({ email })

  const again = await lacking.api.requestPasswordReset({ email })
  await lacking.api.requestOtp({ email: 'noor@example.com' })
  await lacking.newestMail('noor@example.com')

  t.equal(again.status, 202)
  t.notMatch(lacking.log.join(''), 'the courier cannot work')
})

t.test('an instance that cannot open the signing key hands out no session and says so', async (t) => {
  const { lacking, knowing, keyA, keyB, codeOf, signIn, sql } = await startLacking(t)
  const { challenge } = (await lacking.api.requestOtp({ email })).body
  const verify = (api: Api) => api.verifyOtp({ challenge, code: codeOf(challenge) })
  await lacking.ctx.signing.reload() // the other one has sealed the key anew

  const answer = await verify(lacking.api)
  const ready = await readiness(lacking.api, 503)

  t.match(ready.body.checks.keys.detail, 'signing_key')
  for (const key of [keyA, keyB]) t.notMatch(JSON.stringify(ready.body), key)
  t.match(answer.problem, { status: 503, code: 'unavailable' })
  t.strictSame(await sql('select 1 from postern.session'), [])
  t.strictSame(await sql('select 1 from postern.challenge where used_at is not null'), [], 'and the code is not spent')
  t.equal((await verify(knowing.api)).status, 200, 'the others go on')
  const noor = await signIn(knowing.api, 'noor@example.com')
  await knowing.api.changePassword({ password }, { bearer: noor.body.access_token })
  const login = await lacking.api.loginWithPassword({ email: 'noor@example.com', password })
  t.match(login.problem, { status: 503, code: 'unavailable' })
  t.match(await sql('select count(*)::int from postern.session'), [{ count: 2 }])
})

t.test('a mail under a key that an instance lacks is left to those that have it', async (t) => {
  const { lacking, knowing, sql, inbox } = await startLacking(t)
  await knowing.api.requestOtp({ email: 'b@example.com' })
  await until(() => knowing.inbox?.mails('b@example.com')[0])
  await lacking.api.requestOtp({ email: 'a@example.com' })
  await until(() => inbox?.mails('a@example.com')[0])
  await until(async () => (await sql("select from postern.mail where state = 'queued'")).length === 0)
  await knowing.stop()
  /** As if the process that wrote the mails had died; B's is the first in line. */
  const requeue = `update postern.mail set state = 'queued', sent_at = null, settled_at = null, attempts = 0,
    due_at = now() - case email_key when 'b@example.com' then interval '2 seconds' else interval '1 second' end`
  await sql(requeue)

  await until(() => inbox?.mails('a@example.com')[1])

  const [left] = await sql("select state, attempts from postern.mail where email_key = 'b@example.com'")
  t.match(left, { state: 'queued', attempts: 0 }, 'the instance that took the later one passed over it')
  t.equal(inbox?.mails('b@example.com').length, 0)
  const returned = await lacking.another({ SECRET_KEYS: knowing.ctx.config.SECRET_KEYS.join(',') })
  const mail = await until(() => returned.inbox?.mails('b@example.com')[0])
  t.equal(mail.text, knowing.inbox?.mails('b@example.com')[0]?.text, 'the same mail as before')
})

t.test('a link that is mailed again by an instance without its key is left to those that have it', async (t) => {
  const { lacking, knowing, sql, inbox } = await startLacking(t)
  for (let nth = 0; nth < 3; nth++) await knowing.api.requestPasswordReset({ email })
  await until(async () => (await sql(`select from postern.mail where state = 'sent'`)).length === 3)

  await lacking.api.requestPasswordReset({ email }) // there are three live links: the newest is mailed again
  await lacking.api.requestOtp({ email: 'later@example.com' })
  await until(() => inbox?.mails('later@example.com')[0])
  const waiting = await sql(`select from postern.mail where kind = 'reset' and state = 'queued'`)
  await sql(`update postern.mail set due_at = now() where state = 'queued'`)

  t.equal(waiting.length, 1)
  await until(() => knowing.inbox?.mails(email)[3])
  t.equal(inbox?.mails(email).length, 0)
})

t.test('an instance whose schema is older than the release is not ready, and names what is missing', async (t) => {
  const { api, sql } = await start(t)
  const [gone] = await sql<{ name: string }>('delete from postern.kysely_migration returning name')

  const answer = await readiness(api, 503)

  t.match(answer.body.checks, {
    migrations: { ok: false, detail: new RegExp(gone?.name as string) },
    keys: { ok: true }
  })
})

t.test('a mail that nobody sends for a quarter of an hour makes the instances not ready', async (t) => {
  const { api, sql, inbox } = await start(t)
  await api.requestOtp({ email })
  await until(() => inbox?.mails(email)[0])
  const stuck = (minutes: number) =>
    sql(
      `insert into postern.mail (id, kind, subject_id, valid_until, due_at, message_id, key_id)
       values ($1, 'code', $1, now() + interval '1 hour', now() - $2 * interval '1 second', '<x@y>', 'deadbeef')`,
      [newId(), minutes * MINUTE]
    )

  await stuck(10)
  const early = await readiness(api, 503)
  await stuck(16)
  const late = await until(async () => {
    const { body } = await api.getReadiness()
    return body.checks.mail.ok ? undefined : body
  })

  t.match(early.body.checks, { mail: { ok: true }, keys: { ok: false, detail: /deadbeef \(mail\)/ } })
  t.match(late.checks.mail, { ok: false, detail: /9\d\d s/ })
})

t.test('an instance on its way out is alive and not ready, and still answers what comes', async (t) => {
  const { api, stop, signIn } = await start(t)
  const { body: session } = await signIn(email)
  await api.getReadiness()

  const stopping = stop(1)

  const ready = await api.getReadiness()
  t.match(ready, { status: 503, body: { status: 'not-ready', checks: { process: { detail: 'shutting down' } } } })
  t.equal((await api.getLiveness()).status, 200)
  t.equal((await api.getSession({ bearer: session.access_token })).status, 200)
  await stopping
})

t.test('an instance that lacks a key in use signs nobody out: its refusals can be sent again', async (t) => {
  const world = await startWithPasswords(t)
  const { api, signIn, sql, emptyLanes, ctx } = world
  const { body: session } = await signIn(email)
  await emptyLanes()
  const { challenge } = (await api.requestOtp({ email })).body
  await api.requestPasswordReset({ email })
  const [reset] = await sql<{ id: string }>('select id from postern.password_reset')
  const token = ctx.secrets.resetToken({ keyId: ctx.secrets.ring.newest.id, id: reset?.id as string })
  const { api: wrong } = await world.another({ SECRET_KEYS: newKey() })
  const { refresh_token } = session

  const refused = [
    await wrong.refreshSession({ refresh_token }),
    await wrong.logout({ refresh_token }),
    await wrong.verifyOtp({ challenge, code: '123456' }),
    await wrong.resendOtp({ challenge }),
    await wrong.inspectPasswordReset({ token }),
    await wrong.resetPassword({ token, password: another })
  ]

  for (const { status, problem, headers } of refused) {
    t.match([status, problem.code], [503, 'unavailable'])
    t.ok(headers.get('retry-after'))
  }
  t.equal((await api.refreshSession({ refresh_token })).status, 200, 'and the session lives')
})

t.test('a token of a key that nothing uses is refused for good, as one that was never made', async (t) => {
  const { api } = await startWithPasswords(t)
  const foreign = secretsOf([Buffer.from(newKey(), 'base64url')])
  const ref = { keyId: foreign.ring.newest.id, sessionId: newId(), generation: 1, seed: foreign.newSeed() }

  const { status, problem } = await api.refreshSession({ refresh_token: foreign.refreshToken(ref) })

  t.match([status, problem.code], [401, 'refresh-rejected'])
})
