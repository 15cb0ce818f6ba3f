import { readFileSync } from 'node:fs'
import t from 'tap'
import { connectionsOf } from '../../src/db/connect.ts'
import { operationIds } from '../contract-client.ts'
import { codeIn, start, until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { heldServer, textOf } from '../mail/held-server.ts'
import { mailServer, refusing } from '../mail/servers.ts'
import { rawSocket } from '../raw-socket.ts'
import { answers, mails, scrape, scrapeUntil } from './scrape.ts'

const email = 'maya@example.com'
const password = 'Zwetschgen im November'

t.test('a sign-in by a mailed code and a refused login are found where they are looked for', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const instance = await start(t, { SMTP_URL: url, METRICS_PORT: '0' })
  const before = await scrape(instance)
  const { challenge } = (await instance.api.requestOtp({ email })).body
  const code = codeIn(textOf(await until(() => received[0])))
  const { access_token: bearer } = (await instance.api.verifyOtp({ challenge, code })).body
  await instance.api.getSession({ bearer })
  await instance.api.getSession({ bearer })

  await instance.api.loginWithPassword({ email, password })
  await fetch(`${instance.url}/nothing/here`)
  const { value } = await scrapeUntil(instance, mails('code', 'sent'), 1)

  t.equal(before.value(mails('code', 'sent')), 0)
  t.equal(value(answers('requestOtp', '2xx')), 1)
  t.equal(value(answers('verifyOtp', '2xx')), 1)
  t.equal(value(answers('getSession', '2xx')), 2)
  t.equal(value(answers('loginWithPassword', '401')), 1)
  t.equal(value(answers('other', '4xx')), 1)
  t.equal(value(answers('loginWithPassword', '2xx')), undefined)
  const bucket = (le: string) =>
    value(`postern_http_request_duration_seconds_bucket{le="${le}",operation="getSession",status="2xx"}`)
  t.equal(bucket('+Inf'), 2)
  t.equal(bucket('10'), 2)
  const seconds = value('postern_http_request_duration_seconds_sum{operation="getSession",status="2xx"}') ?? 0
  t.ok(seconds > 0.0001 && seconds < 10, `${seconds} s`)
})

t.test('what is refused before it is a request is counted too', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0' })
  const refused = ['no http\r\n\r\n', `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a'.repeat(17_000)}\r\n\r\n`]

  for (const bytes of [...refused, 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n']) {
    const socket = await rawSocket(t, instance.url)
    socket.write(bytes)
    await until(() => socket.said().includes('"code"'))
  }

  t.equal((await scrape(instance)).value(answers('other', '4xx')), 3)
})

t.test('refusals and outages that operators watch for have statuses of their own', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0', CLIENT_LIMITS: 'on' })
  const { api, sql, signIn } = instance
  const { access_token: bearer, user } = (await signIn(email)).body
  await sql(`update postern.session set authenticated_at = now() - interval '1 hour' where user_id = $1`, [user.id])

  const statuses: number[] = []
  statuses.push((await api.deleteMe({ bearer })).status)
  statuses.push((await api.getSession()).status)
  for (let nth = 1; nth <= 31; nth++) await api.requestOtp({ email: 'noor@example.com' })
  statuses.push((await api.requestOtp({ email: 'noor@example.com' })).status)
  await sql('alter table postern.mail rename to away')
  statuses.push((await api.requestPasswordReset({ email })).status)
  const { value } = await scrape(instance)

  t.strictSame(statuses, [403, 401, 429, 500])
  t.equal(value(answers('deleteMe', '403')), 1)
  t.equal(value(answers('getSession', '401')), 1)
  t.ok((value(answers('requestOtp', '429')) ?? 0) > 1)
  t.equal(value(answers('requestPasswordReset', '5xx')), 1)
})

t.test('mails are counted by what the mail server said', async (t) => {
  const said = { gone: refusing(550, '5.1.1 no such mailbox'), later: refusing(451, '4.7.1 later') }
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: ({ address }, _session, done) => done(said[address.split('@')[0] as keyof typeof said])
  })
  const instance = await start(t, { SMTP_URL: url, METRICS_PORT: '0' })

  for (const name of ['gone', 'later', 'maya']) await instance.api.requestOtp({ email: `${name}@example.com` })
  await instance.api.requestPasswordReset({ email: 'ines@example.com' })
  await scrapeUntil(instance, mails('code', 'sent'), 1)
  await scrapeUntil(instance, mails('code', 'deferred'), 1)
  await scrapeUntil(instance, mails('code', 'refused'), 1)
  const { value } = await scrapeUntil(instance, mails('reset', 'sent'), 1)

  t.equal(value(mails('reset', 'refused')), 0)
  t.equal(value(mails('password-changed', 'sent')), 0)
  t.equal(value('postern_mail_overdue_seconds'), 0)
})

t.test('the oldest mail that nobody sends is told by its seconds', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0' })
  await instance.api.requestOtp({ email })
  await instance.newestMail(email)
  await until(async () => (await instance.sql(`select from postern.mail where state = 'sent'`))[0])

  // Written under a key that this instance lacks, so that it stays.
  await instance.sql(`update postern.mail
    set state = 'queued', settled_at = null, key_id = 'elsewhere', due_at = now() - interval '90 seconds'`)
  const overdue = (await scrape(instance)).value('postern_mail_overdue_seconds') ?? 0

  t.ok(overdue >= 90 && overdue < 120, `${overdue} s`)
})

t.test('a mail that waits behind a slow mail server is told by its seconds', async (t) => {
  const slow = await heldServer(t)
  const instance = await start(t, { METRICS_PORT: '0', SMTP_URL: slow.url })
  t.equal((await scrape(instance)).value('postern_mail_waiting_seconds'), 0)

  await instance.api.requestOtp({ email })
  await until(slow.held)
  jumpAhead(t, 8)
  const waiting = (await scrape(instance)).value('postern_mail_waiting_seconds') ?? 0

  t.ok(waiting >= 8 && waiting < 60, `${waiting} s`)
})

t.test('a mail that goes back to the table and is taken up again has waited since it was promised', async (t) => {
  let slow = false
  const held: (() => void)[] = []
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => (slow ? held.push(done) : done(refusing(451, '4.7.1 later')))
  })
  const instance = await start(t, { METRICS_PORT: '0', SMTP_URL: url })
  await instance.api.requestOtp({ email })
  await scrapeUntil(instance, mails('code', 'deferred'), 1)
  await until(async () => (await instance.sql('select from postern.mail where answer is not null'))[0])
  slow = true
  await instance.api.requestOtp({ email: 'noor@example.com' })

  await instance.sql(`update postern.mail set due_at = now(), created_at = now() - interval '5 minutes'
    where answer is not null`)
  const waiting = await until(async () => {
    const seconds = (await scrape(instance)).value('postern_mail_waiting_seconds') ?? 0
    return seconds > 60 && seconds
  })
  for (const go of held) go()

  t.ok(waiting >= 300 && waiting < 360, `${waiting} s, though another mail has been here longer`)
})

t.test('mails that expire unsent are counted, and told together', async (t) => {
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => done(refusing(451, '4.7.1 later'))
  })
  const instance = await start(t, { METRICS_PORT: '0', SMTP_URL: url })
  const { api, sql, log } = instance
  const before = await scrape(instance)
  for (let nth = 1; nth <= 6; nth++) await api.requestOtp({ email: `maya${nth}@example.com` })
  await api.requestPasswordReset({ email })
  await until(async () => (await sql('select from postern.mail where answer is null')).length === 0)

  // Some are found in the table, and one when it is composed, for its code was ended meanwhile.
  await sql(`update postern.challenge set expires_at = now() where email_key = 'maya1@example.com'`)
  await sql(`update postern.mail set due_at = now(),
    valid_until = case email_key when 'maya1@example.com' then valid_until else now() end`)
  await scrapeUntil(instance, mails('code', 'expired'), 6)
  await scrapeUntil(instance, mails('reset', 'expired'), 1)
  const told = await until(() => {
    const lines = log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'mails expired unsent')
    return lines.reduce((sum, line) => sum + line.mails, 0) === 7 && lines
  })

  t.equal(before.value(mails('code', 'expired')), 0)
  t.ok(told.length <= 2, `${told.length} lines`)
  t.ok(told.every(({ level }) => level === 'warn'))
})

t.test('passwords that find the queue full are counted', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0', HASH_THREADS: '1', HASH_QUEUE: '1' })
  const emails = Array.from({ length: 8 }, (_, nth) => `maya${nth}@example.com`)

  const logins = await Promise.all(emails.map((email) => instance.api.loginWithPassword({ email, password })))
  const { value } = await scrape(instance)

  const refused = logins.filter(({ status }) => status === 503).length
  t.ok(refused > 0)
  t.equal(value('postern_hashes_refused_total'), refused)
  t.equal(value('postern_hashes_waiting'), 0)
})

t.test('a look among leaked passwords that failed is counted', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0', BREACH_CHECK_URL: 'http://127.0.0.1:9/range' })
  const { access_token: bearer } = (await instance.signIn(email)).body
  const before = await scrape(instance)

  const { status } = await instance.api.changePassword({ password }, { bearer })
  const { value } = await scrape(instance)

  t.equal(status, 200)
  t.equal(before.value('postern_breach_check_failures_total'), 0)
  t.equal(value('postern_breach_check_failures_total'), 1)
})

t.test('connections at work, and whoever waits for one, are told', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0', DATABASE_POOL_SIZE: '1' })
  const inUse = 'postern_database_connections_in_use'
  await scrapeUntil(instance, inUse, 0)

  const holder = await instance.ctx.db.startTransaction().execute()
  const asking = [instance.api.requestOtp({ email })]
  await until(() => connectionsOf(instance.ctx.db).waiting === 1)
  for (let links = 1; links <= 2; links++) asking.push(instance.api.requestPasswordReset({ email }))
  await until(() => connectionsOf(instance.ctx.db).waiting === 3) // of the two, one waits for the other's transaction
  const busy = await scrape(instance)
  await holder.rollback().execute()
  await Promise.all(asking)
  const quiet = await scrapeUntil(instance, inUse, 0)

  t.equal(busy.value(inUse), 1)
  t.ok((busy.value('postern_database_connections_waiting') ?? 0) >= 3)
  t.equal(quiet.value('postern_database_connections_waiting'), 0)
})

t.test('guesses all over are told when there are too many', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0' })
  const before = await scrape(instance)

  for (let guess = 0; guess < 1000; guess++) instance.ctx.guesses.note(6, false)
  const after = await scrape(instance)

  t.equal(before.value('postern_guesses_strained'), 0)
  t.equal(after.value('postern_guesses_strained'), 1)
})

t.test('nothing in the metrics is of one person or one client, and nothing that somebody typed', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0', SIGNUP: 'closed' })
  const { api, url } = instance
  const [{ id: userId } = { id: '' }] = await instance.sql<{ id: string }>(
    `insert into postern."user" (id, email, email_key, locale, email_verified_at)
      values (gen_random_uuid(), $1, $1, 'en', now()) returning id`,
    [email]
  )
  const signedIn = (await instance.signIn(email)).body
  const asked = (await api.requestOtp({ email: 'nobody@elsewhere.example' })).body
  await api.getSession({ bearer: signedIn.access_token })
  await api.refreshSession({ refresh_token: signedIn.refresh_token })
  for (const known of [email, 'nobody@elsewhere.example']) await api.loginWithPassword({ email: known, password })
  await fetch(`${url}/v1/${signedIn.access_token}?email=${email}`, { headers: { 'x-request-id': 'typed-by-somebody' } })
  await fetch(`${url}/problems/typed-by-somebody`, { method: 'DELETE' })
  await fetch(`${url}/v1/me/sessions/${signedIn.session.id}`)

  const { text } = await scrape(instance)

  const labels = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => ({ name, value }))
  t.strictSame(
    new Set(labels.map(({ name }) => name)).difference(
      new Set('operation status le kind outcome type space version major minor patch'.split(' '))
    ),
    new Set()
  )
  t.strictSame(
    labels.filter(
      ({ name, value = '' }) => name === 'operation' && ![...operationIds, 'other'].some((known) => known === value)
    ),
    []
  )
  const private_ = [
    ...['maya', 'nobody', 'elsewhere', '127.0.0.1', 'typed-by-somebody', userId, signedIn.session.id],
    ...[signedIn.access_token, signedIn.refresh_token, asked.challenge, password]
  ]
  for (const told of private_) t.notOk(text.includes(told), told)
})

t.test('the guide names every metric of ours, and none that does not exist', async (t) => {
  const guide = readFileSync(new URL('../../docs/operate.md', import.meta.url), 'utf8')
  const namesIn = (text: string, name: RegExp): string[] =>
    [...new Set([...text.matchAll(name)].map(([, found]) => found as string))].sort()
  const instance = await start(t, { METRICS_PORT: '0' })

  const { text } = await scrape(instance)
  const all = namesIn(text, /^# TYPE (\w+) /gm)

  const ours = all.filter((name) => name.startsWith('postern_'))
  t.strictSame(namesIn(guide, /`(postern_\w+)`/g), ours)
  t.strictSame(
    namesIn(guide, /`((?:nodejs|process)_\w+)`/g).filter((name) => !all.includes(name)),
    []
  )
})
