import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.ts'
import { releaseMails, settleMails, takeDueMails } from '../../src/mail/store.ts'
import { startChild } from '../child.ts'
import { makeDatabase, query, testServer } from '../database.ts'
import { newKey, start, startInstance, until } from '../helper.ts'
import { heldServer, messageIdOf } from './held-server.ts'
import { mailServer, oddServer, type Received } from './servers.ts'

type Row = { state: string; message_id: string; attempts: number; lease: number }
const ledger = `select state, message_id, attempts, extract(epoch from due_at - now())::float8 as lease
  from postern.mail order by created_at`

/** A database, and the settings that a process and the instance that takes over share. */
async function makeWorld(t: Test) {
  const database = await makeDatabase((await testServer()).url)
  t.teardown(() => database.drop())
  const sql = (statement: string) => query<Row>(database.url, statement)
  return { sql, settings: { DATABASE_URL: database.url, SECRET_KEYS: newKey() } }
}

t.test('a process that is killed between the promise and the sending loses no mail', async (t) => {
  const { sql, settings } = await makeWorld(t)
  const hole = await heldServer(t)
  const healthy = await mailServer(t, { disableReverseLookup: true })
  const child = await startChild(t, { ...settings, SMTP_URL: hole.url })
  const emails = Array.from({ length: 30 }, (_, nth) => `maya${nth}@example.com`)
  const asked = await Promise.all(emails.map((email) => child.api.requestOtp({ email })))
  await until(() => hole.held() > 0)

  await child.end('SIGKILL')
  const left = await sql(ledger)
  await startInstance(t, settings.DATABASE_URL, { ...settings, SMTP_URL: healthy.url })
  await sql('update postern.mail set due_at = now()')
  const sent = await until(async () => {
    const rows = await sql(ledger)
    return rows.every(({ state }) => state === 'sent') ? rows : undefined
  })

  t.ok(asked.every(({ status }) => status === 202))
  t.ok(
    left.every(({ state, lease }) => state === 'queued' && lease > 0 && lease <= 30),
    'all were promised for 30 s'
  )
  t.strictSame(healthy.received.flatMap(({ to }) => to).sort(), emails.sort())
  t.strictSame(healthy.received.map(messageIdOf).sort(), left.map((row) => row.message_id).sort())
  t.ok(sent.every(({ attempts }) => attempts === 1))
})

t.test('a process that is killed after the final dot has its mail sent twice, as one Message-ID', async (t) => {
  const { sql, settings } = await makeWorld(t)
  const copies: Received[] = []
  const { url } = await mailServer(t, {
    disableReverseLookup: true,
    onData: async (stream, { envelope }, done) => {
      copies.push({ from: '', to: envelope.rcptTo.map(({ address }) => address), raw: await text(stream) })
      if (copies.length > 1) done()
    }
  })
  const child = await startChild(t, { ...settings, SMTP_URL: url })
  await child.api.requestOtp({ email: 'maya@example.com' })
  await until(() => copies[0])

  await child.end('SIGKILL')
  await startInstance(t, settings.DATABASE_URL, { ...settings, SMTP_URL: url })
  await sql('update postern.mail set due_at = now()')
  const [row] = await until(async () => {
    const rows = await sql(ledger)
    return rows[0]?.state === 'sent' ? rows : undefined
  })

  t.equal(copies.length, 2)
  t.strictSame(copies.map(messageIdOf), [row?.message_id, row?.message_id])
})

t.test('two instances that poll the same table send each of 200 due mails once', async (t) => {
  const gone = await oddServer(t, () => {})
  await gone.stop()
  const { api, another, sql } = await start(t, { SMTP_URL: gone.url })
  await another()
  const emails = Array.from({ length: 200 }, (_, nth) => `maya${nth}@example.com`)
  await Promise.all(emails.map((email) => api.requestOtp({ email })))
  await until(async () => (await sql('select from postern.mail where answer is null')).length === 0)

  // Those of a later moment are leased: an instance is at work on them.
  await sql(`update postern.mail set due_at = now() + interval '1 second' where due_at < now() + interval '20 seconds'`)
  const { received } = await mailServer(t, { disableReverseLookup: true }, gone.port)
  await until(async () => (await sql(`select from postern.mail where state <> 'sent'`)).length === 0)

  t.strictSame(received.flatMap(({ to }) => to).sort(), emails.sort())
  t.equal(new Set(received.map(messageIdOf)).size, 200)
})

/** Mails in the ledger of a database that no instance polls. @param due when, in seconds from now */
async function promise(t: Test, mails: { count: number; due: number; keyId?: string }[]) {
  const { sql, settings } = await makeWorld(t)
  for (const { count, due, keyId = 'key' } of mails)
    await sql(`insert into postern.mail (id, kind, subject_id, valid_until, due_at, message_id, key_id)
      select gen_random_uuid(), 'code', gen_random_uuid(), now() + interval '10 minutes', now() + ${due} * interval '1 second',
        '<mail@example.com>', '${keyId}' from generate_series(1, ${count})`)
  const connected = () => {
    const db = connect({
      url: settings.DATABASE_URL,
      poolSize: 8,
      statementTimeout: 5,
      prepared: true,
      onIdleError: () => undefined
    })
    t.teardown(() => db.destroy())
    return db
  }
  return { sql, connected }
}

t.test('a mail is taken when its lease has run out, and is leased anew to whoever took it', async (t) => {
  const { sql, connected } = await promise(t, [{ count: 1, due: 1 }])
  const [one, two] = [connected(), connected()]
  const values = { most: 100, keyIds: ['key'] }

  const early = await takeDueMails(one, values)
  await sql(`update postern.mail set due_at = due_at - interval '1 second'`)
  const late = await takeDueMails(one, values)
  const again = await takeDueMails(two, values)
  const [row] = await sql(ledger)

  t.strictSame([early.length, late.length, again.length], [0, 1, 0])
  t.ok((row?.lease ?? 0) > 25 && (row?.lease ?? 99) <= 30, `leased for ${row?.lease} s`)
})

t.test('a mail that was sent is over, whatever a slower instance still says of it', async (t) => {
  const { sql, connected } = await promise(t, [{ count: 1, due: 0 }])
  const [slow, quick] = [connected(), connected()]
  const [{ id } = { id: '' }] = await takeDueMails(quick, { most: 1, keyIds: ['key'] })
  const whole = 'select state, answer, sent_at, settled_at, due_at from postern.mail'
  await settleMails(quick, { ids: [id], states: ['sent'], answers: ['250 ok'] })
  const sent = await sql(whole)

  await settleMails(slow, { ids: [id], states: ['queued'], answers: ['451 later'] })
  await releaseMails(slow, { ids: [id], left: [60] })

  t.match(sent, [{ state: 'sent', answer: '250 ok' }])
  t.strictSame(await sql(whole), sent)
})

t.test('what a server said of a mail stays until one says something else', async (t) => {
  const { sql, connected } = await promise(t, [{ count: 1, due: 0 }])
  const db = connected()
  const [{ id } = { id: '' }] = await takeDueMails(db, { most: 1, keyIds: ['key'] })
  const answerAfter = async (answer: string) => {
    await settleMails(db, { ids: [id], states: ['queued'], answers: [answer] })
    return (await sql('select answer from postern.mail'))[0]
  }

  t.match(await answerAfter('451 busy'), { answer: '451 busy' })
  t.match(await answerAfter(''), { answer: '451 busy' })
  t.match(await answerAfter('452 full'), { answer: '452 full' })
})

t.test('a mail whose master key an instance lacks is left to the others', async (t) => {
  const { connected } = await promise(t, [{ count: 1, due: 0, keyId: 'newer' }])
  const db = connected()

  const byStranger = await takeDueMails(db, { most: 100, keyIds: ['older'] })
  const byOwner = await takeDueMails(db, { most: 100, keyIds: ['newer', 'older'] })

  t.strictSame([byStranger.length, byOwner.length], [0, 1])
})

t.test('takers at the same instant never share a mail and leave none', async (t) => {
  const { connected } = await promise(t, [{ count: 200, due: 0 }])
  const instances = [connected(), connected()]
  await Promise.all(instances.map((db) => takeDueMails(db, { most: 0, keyIds: [] })))

  const taken: string[] = []
  for (let round = 0; round < 5; round++) {
    const takers = instances.flatMap((db) =>
      Array.from({ length: 8 }, () => takeDueMails(db, { most: 20, keyIds: ['key'] }))
    )
    taken.push(...(await Promise.all(takers)).flat().map(({ id }) => id))
  }

  t.equal(taken.length, 200)
  t.equal(new Set(taken).size, 200)
})
