import t, { type Test } from 'tap'
import type { Courier } from '../../src/mail/courier.ts'
import { start, until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { heldServer } from './held-server.ts'
import { mailServer } from './servers.ts'

/** A mail server that keeps the recipients of a domain's mails waiting, as one behind which another server hangs. */
async function partlyHanging(t: Test, hangs: (domain: string) => boolean) {
  let heals = false
  const held: string[] = []
  const made = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: ({ address }, _session, done) => {
      if (heals || !hangs(address.slice(address.indexOf('@') + 1))) return done()
      held.push(address)
    }
  })
  /** Breaks what is held, as the other server's end would. */
  const cut = (): void => {
    held.length = 0
    for (const connection of made.server.connections) connection._socket.destroy()
  }
  /** Whoever stops waits for what is held. */
  const heal = (): void => {
    heals = true
    cut()
  }
  return { ...made, held, cut, heal }
}

t.test('whoever invents domains that hang delays no mail to a domain that answers', async (t) => {
  const { url, received, heal } = await partlyHanging(t, (domain) => domain.endsWith('.invented.example'))
  const { api } = await start(t, { SMTP_URL: url })
  await api.requestOtp({ email: 'ines@example.com' })
  await until(() => received[0])
  await Promise.all(Array.from({ length: 150 }, (_, nth) => api.requestOtp({ email: `x@d${nth}.invented.example` })))

  const begun = performance.now()
  await api.requestOtp({ email: 'maya@example.com' })
  await until(() => received[1])
  const took = performance.now() - begun
  heal()

  t.strictSame(received[1]?.to, ['maya@example.com'])
  t.ok(took < 5000, 'sooner than any of them is given up')
})

t.test('a domain that kept us waiting for long is tried again with one connection', async (t) => {
  const { url, received, held, cut, heal } = await partlyHanging(t, (domain) => domain === 'hangs.example')
  const { api, sql } = await start(t, { SMTP_URL: url })
  const retried = `select from postern.mail where answer is not null and state = 'queued'`
  await Promise.all(Array.from({ length: 5 }, (_, nth) => api.requestOtp({ email: `maya${nth}@hangs.example` })))
  await until(() => held.length === 5)

  const real = performance.now
  jumpAhead(t, 7)
  cut()
  await until(async () => (await sql(retried)).length === 5)
  performance.now = real
  await sql('update postern.mail set due_at = now()')
  await until(() => held.length > 0)
  await api.requestOtp({ email: 'ines@example.com' })
  await until(() => received[0])
  const tried = held.length
  heal()

  t.equal(tried, 1)
})

t.test('an instance whose mail server hangs leaves most of what is due to the others', async (t) => {
  const healthy = await mailServer(t, { disableReverseLookup: true })
  const hole = await heldServer(t)
  const first = await start(t, { SMTP_URL: healthy.url })
  await first.api.requestOtp({ email: 'maya@example.com' })
  await until(async () => (await first.sql(`select from postern.mail where state = 'sent'`)).length > 0)
  await first.stop()
  await first.sql(`
    insert into postern.mail (id, kind, subject_id, email_key, valid_until, due_at, message_id, key_id)
    select gen_random_uuid(), kind, subject_id, email_key, valid_until, now(), '<' || nth || '@example.com>', key_id
    from postern.mail, generate_series(1, 700) as nth`)

  await first.another({ SMTP_URL: hole.url })
  await until(async () => (await first.sql(`select from postern.mail where due_at > now()`)).length >= 500)
  await first.another()

  const count = async (state: string) => (await first.sql(`select from postern.mail where state = $1`, [state])).length
  await until(async () => (await count('sent')) > 200)
  const held = await count('queued')
  hole.release()

  t.equal(held, 500)
})

t.test(
  'where the server takes one mail at a time, a mail that has begun waits for one other at the most',
  async (t) => {
    const held: (() => void)[] = []
    const { url, received } = await mailServer(t, {
      disableReverseLookup: true,
      onRcptTo: (_address, _session, done) => (received.length === 0 && held.length === 0 ? held.push(done) : done())
    })
    const { api, courier } = await start(t, { SMTP_URL: `${url}?maxConnections=1` })
    await Promise.all(Array.from({ length: 6 }, (_, nth) => api.requestOtp({ email: `maya@d${nth}.example` })))
    await until(() => held[0])

    const real = performance.now
    jumpAhead(t, 20) // what begins now has too little left of its lease, and is let go
    held[0]?.()
    await until(() => (courier as Courier).longestWait === 0)
    performance.now = real

    t.ok(received.length <= 2, `${received.length} had begun`)
  }
)
