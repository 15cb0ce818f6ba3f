import { text } from 'node:stream/consumers'
import pg from 'pg'
import t, { type Test } from 'tap'
import { query, testServer } from '../database.ts'
import { type Api, start, until } from '../helper.ts'
import { heldServer, messageIdOf } from './held-server.ts'
import { mailServer, type Received, refusing } from './servers.ts'

type Row = { id: string; state: string; answer: string | null; message_id: string; attempts: number }
const ledger = 'select id, state, answer, message_id, attempts from postern.mail order by created_at'
const overdue = `update postern.mail set due_at = now() where state = 'queued'`

async function latencies(api: Api, tag: string, count: number): Promise<number[]> {
  const took: number[] = []
  for (let nth = 0; nth < count; nth++) {
    const begun = performance.now()
    const { status } = await api.requestOtp({ email: `${tag}${nth}@example.com` })
    if (status === 202) took.push(performance.now() - begun)
  }
  return took
}
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number

/** A mail server that lets every recipient wait until it is opened; those that come later do not wait. */
async function gatedServer(t: Test) {
  const held: (() => void)[] = []
  let isOpen = false
  const server = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => (isOpen ? done() : void held.push(done))
  })
  const open = () => {
    isOpen = true
    for (const go of held) go()
  }
  return { ...server, held: () => held.length, open }
}

/** Lets nobody write mails until what it answers is called, with a last statement. */
async function lockMails(t: Test, databaseUrl: string) {
  const other = new pg.Client({ connectionString: databaseUrl })
  await other.connect()
  t.teardown(() => other.end())
  await other.query('begin; lock table postern.mail in share mode')
  return (last = '') => other.query(`${last}; commit`)
}

t.test('a mail server that never answers slows no request, and every mail arrives when it recovers', async (t) => {
  const healthy = await mailServer(t, { disableReverseLookup: true })
  const hole = await heldServer(t)
  const { api, another, sql } = await start(t, { SMTP_URL: hole.url })
  const other = await another({ SMTP_URL: healthy.url })
  await Promise.all([latencies(api, 'warm-a', 20), latencies(other.api, 'warm-b', 20)])

  const hanging: number[] = []
  const quick: number[] = []
  for (let round = 0; round < 5; round++) {
    hanging.push(...(await latencies(api, `hole${round}-`, 40)))
    quick.push(...(await latencies(other.api, `fine${round}-`, 40)))
  }
  const held = hole.held()
  const waiting = await sql<Row>(`${ledger.replace('order', `where state = 'queued' order`)}`)
  hole.release()
  const rows = await until(async () => {
    const all = await sql<Row>(ledger)
    return all.every(({ state }) => state === 'sent') ? all : undefined
  })

  t.equal(hanging.length, 200)
  t.ok(median(hanging) < 3 * median(quick) + 5, `${median(hanging)} ms against ${median(quick)} ms`)
  t.ok(held > 0, 'the server was really hanging')
  t.ok(waiting.length >= 220, 'and nothing had left')
  const arrived = [...hole.received, ...healthy.received]
  t.strictSame([...new Set(arrived.map(messageIdOf))].sort(), rows.map((row) => row.message_id).sort())
})

t.test('a domain whose server hangs delays nobody else, however many mails wait for it', async (t) => {
  let hangs = true
  const { url, received, server } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: ({ address }, _session, done) => {
      if (!hangs || !address.endsWith('@hangs.example')) done()
    }
  })
  const { api } = await start(t, { SMTP_URL: url })
  const asked = Array.from({ length: 120 }, (_, nth) => api.requestOtp({ email: `maya${nth}@hangs.example` }))
  await Promise.all(asked)

  const begun = performance.now()
  await api.requestOtp({ email: 'maya@example.com' })
  await until(() => received[0])
  const took = performance.now() - begun
  hangs = false
  for (const connection of server.connections) connection._socket.destroy()
  await until(() => received[120])

  t.strictSame(received[0]?.to, ['maya@example.com'])
  t.ok(took < 3000, `${took} ms`)
})

t.test('a server that says 421 gets the mail again later, under the same Message-ID', async (t) => {
  let turns = 0
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onConnect: (_session, done) => done(++turns === 1 ? refusing(421, '4.3.2 shutting down') : undefined)
  })
  const { api, sql } = await start(t, { SMTP_URL: url })

  await api.requestOtp({ email: 'maya@example.com' })
  const [put] = await until(async () => ((await sql<Row>(ledger))[0]?.answer ? sql<Row>(ledger) : undefined))
  const [wait] = await sql<{ seconds: number }>(
    'select extract(epoch from due_at - now())::float8 as seconds from postern.mail'
  )
  await sql(overdue)
  const sent = await until(async () => (await sql<Row>(ledger)).find(({ state }) => state === 'sent'))

  t.match(put, { state: 'queued', answer: /421.*shutting down/, attempts: 0 })
  t.ok((wait?.seconds ?? 99) <= 2, 'the first wait is short')
  t.match(sent, { answer: /^250/, attempts: 1 })
  t.strictSame(received.map(messageIdOf), [put?.message_id])
})

t.test('each put-off mail waits longer, up to five minutes, and never beyond its code', async (t) => {
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => done(refusing(451, '4.7.1 later'))
  })
  const { api, sql } = await start(t, { SMTP_URL: url })
  const settledAfter = async (attempts: number, below = 29): Promise<number> => {
    const look = `select extract(epoch from due_at - now())::float8 as wait from postern.mail
      where state = 'queued' and answer like '451%' and attempts = ${attempts} and due_at < now() + interval '${below} seconds'`
    return await until(async () => (await sql<{ wait: number }>(look))[0]?.wait)
  }
  await api.requestOtp({ email: 'maya@example.com' })
  const waits = [await settledAfter(0)]

  for (const attempts of [1, 2, 3]) {
    await sql(`update postern.mail set due_at = now(), answer = null`)
    waits.push(await settledAfter(attempts))
  }
  await sql(`update postern.mail set due_at = now(), answer = null, attempts = 9`)
  const late = await settledAfter(10, 3000)
  await sql(`update postern.mail set due_at = now(), valid_until = now()`)
  const [row] = await until(async () => {
    const rows = await sql<Row>(ledger)
    return rows[0]?.state === 'queued' ? undefined : rows
  })

  t.ok(
    waits.every((wait, nth) => wait > 2 ** (nth + 1) - 1.5 && wait < 2 ** (nth + 1) + 0.1),
    `${waits} are near 2, 4, 8, 16`
  )
  t.ok(late > 298 && late < 300.1, `${late} is near 300`)
  t.match(row, { state: 'expired', answer: /^451/ })
})

t.test('a 550 ends it at once, with the server’s answer in the ledger', async (t) => {
  const asked: string[] = []
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: ({ address }, _session, done) => {
      asked.push(address)
      if (address === 'gone@example.com') return done(refusing(550, '5.1.1 <gone@example.com>: no such mailbox'))
      done(asked.length === 2 ? refusing(451, '4.7.1 later') : undefined)
    }
  })
  const { api, sql, log } = await start(t, { SMTP_URL: url })
  const { status } = await api.requestOtp({ email: 'gone@example.com' })
  const refused = await until(async () => (await sql<Row>(ledger)).find(({ state }) => state === 'refused'))

  // Another mail that the table is polled for shows that the refused one was not taken along.
  await api.requestOtp({ email: 'next@example.com' })
  await until(async () => (await sql<Row>(ledger)).find(({ answer }) => answer?.startsWith('451')))
  await sql('update postern.mail set due_at = now()')
  await until(() => received[0])

  t.equal(status, 202)
  t.match(refused, { answer: '550 5.1.1 <gone@example.com>: no such mailbox', attempts: 0 })
  const told = log.filter((line) => line.includes('"mail refused"'))
  t.match(told, [/550 5\.1\.1 <•••@example\.com>: no such mailbox/], 'the log holds no address')
  t.strictSame(asked, ['gone@example.com', 'next@example.com', 'next@example.com'])
})

t.test('a connection that closes after the final dot leads to a second copy with the same Message-ID', async (t) => {
  const taken: Received[] = []
  const { url, server } = await mailServer(t, {
    disableReverseLookup: true,
    onData: async (stream, { envelope }, done) => {
      taken.push({ from: '', to: envelope.rcptTo.map(({ address }) => address), raw: await text(stream) })
      if (taken.length > 1) return done()
      for (const connection of server.connections) connection._socket.destroy()
    }
  })
  const { api, sql } = await start(t, { SMTP_URL: url })

  await api.requestOtp({ email: 'maya@example.com' })
  await until(async () => (await sql<Row>(ledger)).find(({ answer }) => answer !== null))
  await sql(overdue)
  const sent = await until(async () => (await sql<Row>(ledger)).find(({ state }) => state === 'sent'))

  t.equal(taken.length, 2)
  t.strictSame(taken.map(messageIdOf), [sent.message_id, sent.message_id])
})

t.test('a mail that was taken up a thousand times does not keep the marks of others from being written', async (t) => {
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: ({ address }, _session, done) =>
      address === 'full@example.com' ? done(Object.assign(new Error('mailbox full'), { responseCode: 450 })) : done()
  })
  const { api, sql } = await start(t, { SMTP_URL: url })
  await api.requestOtp({ email: 'full@example.com' })
  await until(async () => (await sql(`select from postern.mail where answer is not null`)).length || undefined)
  await sql(`update postern.mail set attempts = 2000, due_at = now() + interval '1 minute'`)
  await sql(`update postern.mail set due_at = now()`)

  await until(
    async () =>
      (await sql(`select from postern.mail where attempts > 2000 and due_at > now() + interval '4 minutes'`)).length ||
      undefined
  )
  await api.requestOtp({ email: 'maya@example.com' })
  await until(async () => (await sql(`select from postern.mail where state = 'sent'`)).length || undefined)

  t.strictSame(
    received.map(({ to }) => to),
    [['maya@example.com']]
  )
})

t.test('a mark that cannot be written is given up, and those beside it are written', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const { api, sql } = await start(t, { SMTP_URL: url })
  await sql(`create function postern.odd() returns trigger language plpgsql as $$ begin
    if new.state = 'sent' and new.email_key = 'odd@example.com' then raise exception 'odd' using errcode = '22003'; end if;
    return new; end $$`)
  await sql(`create trigger odd before update on postern.mail for each row execute function postern.odd()`)

  await Promise.all(['odd', 'maya', 'ines'].map((name) => api.requestOtp({ email: `${name}@example.com` })))
  await until(async () => (await sql(`select from postern.mail where state = 'sent'`)).length === 2 || undefined)

  t.equal(received.length, 3)
})

t.test('a code that runs out while its mail waits for a slow server is not sent', async (t) => {
  const held: (() => void)[] = []
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => (held.length < 5 ? void held.push(done) : done())
  })
  const { api, sql } = await start(t, { SMTP_URL: url })
  await sql(`create function postern.hurry() returns trigger language plpgsql as $$ begin
    if new.email_key = 'last@example.com' then new.expires_at = now() + interval '0.5 s'; end if; return new; end $$`)
  await sql(`create trigger hurry before insert on postern.challenge for each row execute function postern.hurry()`)
  for (let nth = 1; nth <= 5; nth++) await api.requestOtp({ email: `maya${nth}@example.com` })
  await until(() => held.length === 5 || undefined)

  await api.requestOtp({ email: 'last@example.com' })
  await until(
    async () =>
      (await sql(`select from postern.challenge where email_key = 'last@example.com' and expires_at < now()`))[0]
  )
  for (const go of held) go()
  const states = await until(async () => {
    const rows = await sql<{ state: string }>(`select state from postern.mail order by created_at, id`)
    return rows.every(({ state }) => state !== 'queued') ? rows.map(({ state }) => state) : undefined
  })

  t.strictSame(states, ['sent', 'sent', 'sent', 'sent', 'sent', 'expired'])
  t.equal(received.length, 5)
})

t.test('a table that is locked for a while has no mail sent twice, and stops no session check', async (t) => {
  const { url, received, held, open } = await gatedServer(t)
  const { api, sql, signIn, databaseUrl } = await start(t, {
    SMTP_URL: url,
    DATABASE_STATEMENT_TIMEOUT: '1',
    DATABASE_POOL_SIZE: '3'
  })
  const bearer = (await signIn('ines@example.org')).body.access_token
  for (let nth = 1; nth <= 5; nth++) await api.requestOtp({ email: `maya${nth}@example.com` })
  await until(() => held() >= 5)
  const unlock = await lockMails(t, databaseUrl)
  open()
  const tries = new Set<string>()
  await until(async () => {
    const waiting = await sql<{ at: Date }>(
      `select query_start as at from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%unnest%'`
    )
    for (const { at } of waiting) tries.add(at.toISOString())
    return tries.size > 6 // more often than there are mails: all are tried again, and none was given up
  })

  const checks = await Promise.all(Array.from({ length: 20 }, () => api.getSession({ bearer })))
  await unlock()
  await until(async () => (await sql(`select from postern.mail where state = 'queued'`)).length === 0)

  t.ok(checks.every(({ status }) => status === 200))
  const ids = received.map(messageIdOf)
  t.ok(ids.length >= 5)
  t.equal(new Set(ids).size, ids.length, 'each left once')
})

t.test('an outage that outlasts a lease has no mail sent twice that could not be marked meanwhile', async (t) => {
  const { url, received, held, open } = await gatedServer(t)
  const { api, sql, databaseUrl, log } = await start(t, { SMTP_URL: url, DATABASE_STATEMENT_TIMEOUT: '1' })
  await api.requestOtp({ email: 'maya@example.com' })
  await until(() => held() === 1)
  const unlock = await lockMails(t, databaseUrl)
  open()
  await until(() => log.some((line) => line.includes('the courier cannot work')))
  const [known] = await sql<{ at: Date }>('select clock_timestamp() as at')
  // The lock is taken over in the order of asking: this look for mails comes before the mark.
  await until(
    async () =>
      (
        await sql(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
          having bool_and(query like '%skip locked%' and query_start > '${known?.at.toISOString()}')`)
      ).length > 0
  )

  await unlock(overdue)
  const sent = await until(async () => (await sql<Row>(ledger)).find(({ state }) => state === 'sent'))

  t.equal(sent.attempts, 0, 'nobody took it again')
  t.equal(received.length, 1)
})

t.test('marks that take a second to write hold up neither those after them nor the mails that wait', async (t) => {
  const { url, received, held, open } = await gatedServer(t)
  const { api, sql, databaseUrl } = await start(t, { SMTP_URL: url })
  const emails = Array.from({ length: 120 }, (_, nth) => `maya${nth}@d${nth % 40}.example`)
  await Promise.all(emails.map((email) => api.requestOtp({ email })))
  await until(() => held() >= 5)
  const unlock = await lockMails(t, databaseUrl)
  open()
  await until(() => received.length >= 50)
  await until(
    async () =>
      (
        await sql(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
          and query like '%unnest%' and query_start < now() - interval '1 second'`)
      ).length > 0
  )
  await unlock()

  await until(async () => (await sql(`select from postern.mail where state = 'queued'`)).length === 0)

  const ids = received.map(messageIdOf)
  t.equal(ids.length, emails.length)
  t.equal(new Set(ids).size, ids.length, 'each left once')
})

t.test('behind a server that hangs, new mails do not keep those waiting that have waited longer', async (t) => {
  const hole = await heldServer(t)
  const { api, sql } = await start(t, { SMTP_URL: hole.url })
  const emails = Array.from({ length: 700 }, (_, nth) => `maya${nth}@d${nth % 40}.example`)
  await Promise.all(emails.map((email) => api.requestOtp({ email })))

  await sql(`update postern.mail set due_at = now() where state = 'queued'`)

  t.ok(await until(async () => (await sql('select from postern.mail where attempts > 0')).length > 100))
})

t.test('mails that somebody has locked are an outage: told once, without an alarm, and so is its end', async (t) => {
  const { url } = await mailServer(t, { disableReverseLookup: true })
  const { log, databaseUrl } = await start(t, { SMTP_URL: url, DATABASE_STATEMENT_TIMEOUT: '1' })
  const unlock = await lockMails(t, databaseUrl)
  const line = (words: string) => until(() => log.find((text) => text.includes(words)))

  const begun = JSON.parse(await line('the courier cannot work'))
  await unlock()
  const ended = JSON.parse(await line('the courier can work again'))

  t.match(begun, { level: 'warn', err: { message: /lock timeout/ } })
  t.equal(ended.level, 'info')
})

t.test('mails that could not be composed are taken up again by the same instance', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const { api, sql, log } = await start(t, { SMTP_URL: url })
  await sql('alter table postern."user" rename to away')
  await Promise.all(['maya@example.com', 'noor@example.com'].map((email) => api.requestOtp({ email })))
  const told = () => log.filter((line) => line.includes('the courier cannot work')).length
  await until(told)
  for (let round = 0; round < 3; round++) {
    await sql('update postern.mail set due_at = now()')
    await until(async () => (await sql('select from postern.mail where due_at > now()')).length === 2)
  }
  t.equal(told(), 1, 'once while it lasts, however often it is tried again')

  await sql('alter table postern.away rename to "user"')
  await sql('update postern.mail set due_at = now()')

  await until(() => received.length === 2)
  t.same(received.flatMap(({ to }) => to).sort(), ['maya@example.com', 'noor@example.com'])
  t.equal(log.filter((line) => line.includes('the courier can work again')).length, 1)
})

t.test('a courier that has lost the database says so once, and once that it is back', async (t) => {
  const { log, databaseUrl } = await start(t)
  const { url } = await testServer()
  const database = new URL(databaseUrl).pathname.slice(1)
  const told = () =>
    log
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg.startsWith('the courier '))
      .map(({ level }) => level)
  await query(url, `alter database ${database} with allow_connections false`)
  await query(url, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
  await until(() => told().length > 0)

  await query(url, `alter database ${database} with allow_connections true`)
  await until(() => told().length > 1)

  t.strictSame(told(), ['warn', 'info'])
})
