import t from 'tap'
import { newId } from '../../src/lib/identifier.ts'
import { monotonicNow } from '../../src/lib/time.ts'
import { SEND_DEADLINE } from '../../src/mail/courier.ts'
import { LEASE } from '../../src/mail/store.ts'
import { codeIn, start, until } from '../helper.ts'
import { messageIdOf, textOf } from './held-server.ts'
import { mailServer, refusing } from './servers.ts'

type Row = { id: string; state: string; answer: string; message_id: string; attempts: number; sent_at: Date }
const ledger = `select id, state, answer, message_id, attempts, sent_at from postern.mail order by created_at`

t.test('a code arrives over SMTP, opens a session, and the ledger keeps what the server said', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const { api, sql } = await start(t, { SMTP_URL: url, MAIL_FROM: 'Acme <no-reply@acme.example>' })

  const asked = await api.requestOtp({ email: 'Maya@Example.com' })
  const mail = await until(() => received[0])
  const row = await until(async () => (await sql<Row>(ledger)).find(({ state }) => state === 'sent'))
  const signedIn = await api.verifyOtp({ challenge: asked.body.challenge, code: codeIn(textOf(mail)) })

  t.equal(signedIn.status, 200)
  t.same([mail.from, mail.to], ['no-reply@acme.example', ['Maya@example.com']])
  t.match(messageIdOf(mail), /^<[0-9a-f-]{36}@acme\.example>$/)
  t.equal(row.message_id, messageIdOf(mail))
  t.match(row, { state: 'sent', answer: /^250/, attempts: 0, sent_at: Date })
})

t.test('a mail leaves within moments of the answer, without waiting for a poll of the table', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const { api } = await start(t, { SMTP_URL: url })
  await api.requestOtp({ email: 'first@example.com' })
  await until(() => received[0])

  const waits: number[] = []
  for (let nth = 1; nth <= 15; nth++) {
    await api.requestOtp({ email: `maya${nth}@example.com` })
    const answered = performance.now()
    await until(() => received[nth])
    waits.push(performance.now() - answered)
  }

  const median = waits.sort((a, b) => a - b)[7] as number
  t.ok(median < 700, `${median} ms`)
})

t.test('a resend is a mail of its own, with the same code and another Message-ID', async (t) => {
  const { url, received } = await mailServer(t, { disableReverseLookup: true })
  const { api, sql } = await start(t, { SMTP_URL: url })
  const asked = await api.requestOtp({ email: 'maya@example.com' })
  await until(() => received[0])
  await sql(`update postern.challenge set sent_at = sent_at - interval '31 seconds'`)

  const resent = await api.resendOtp({ challenge: asked.body.challenge })
  await until(() => received[1])
  const rows = await until(async () => {
    const all = await sql<Row>(ledger)
    return all.every(({ state }) => state === 'sent') ? all : undefined
  })

  t.equal(resent.status, 202)
  t.equal(received.length, 2)
  t.equal(new Set(received.map((mail) => codeIn(textOf(mail)))).size, 1)
  t.equal(new Set(received.map(messageIdOf)).size, 2)
  t.strictSame(rows.map((row) => row.message_id).sort(), received.map(messageIdOf).sort())
})

t.test('a mail is not sent when its code has expired, was used or was guessed away', async (t) => {
  let open = false
  const { url, received } = await mailServer(t, {
    disableReverseLookup: true,
    onRcptTo: (_address, _session, done) => done(open ? undefined : refusing(451, '4.3.0 later'))
  })
  const { api, sql, codeOf, wrongCode } = await start(t, { SMTP_URL: url })
  const ask = async (email: string): Promise<string> => (await api.requestOtp({ email })).body.challenge
  const used = await ask('used@example.com')
  const guessed = await ask('guessed@example.com')
  await ask('expired@example.com')
  await ask('outlived@example.com')
  await ask('alive@example.com')
  await until(async () => (await sql<Row>(ledger)).every(({ answer }) => answer !== null))

  await api.verifyOtp({ challenge: used, code: codeOf(used) })
  for (let guess = 0; guess < 3; guess++) await api.verifyOtp({ challenge: guessed, code: wrongCode(codeOf(guessed)) })
  await sql(`update postern.challenge set expires_at = now() where email_key = 'expired@example.com'`)
  await sql(`update postern.mail set valid_until = now() where email_key = 'outlived@example.com'`)
  open = true
  await sql(`update postern.mail set due_at = now()`)
  const states = await until(async () => {
    const rows = await sql<{ email_key: string; state: string }>('select email_key, state from postern.mail')
    return rows.every(({ state }) => state !== 'queued') ? rows : undefined
  })

  t.strictSame(Object.fromEntries(states.map(({ email_key, state }) => [email_key, state])), {
    'used@example.com': 'expired',
    'guessed@example.com': 'expired',
    'expired@example.com': 'expired',
    'outlived@example.com': 'expired',
    'alive@example.com': 'sent'
  })
  t.strictSame(
    received.map(({ to }) => to),
    [['alive@example.com']]
  )
})

t.test(
  'a mail whose lease could end while it is sent is given back at once, and one taken twice is sent once',
  async (t) => {
    const { url, received } = await mailServer(t, { disableReverseLookup: true })
    const { api, ctx, courier, sql } = await start(t, { SMTP_URL: url })
    const { challenge } = (await api.requestOtp({ email: 'maya@example.com' })).body
    await until(() => received[0])
    const subjectId = ctx.secrets.readChallenge(challenge)?.id as string
    /** Another mail of the same code, of this instance for so many seconds more. */
    const offer = async (left: number, leased = left): Promise<string> => {
      const id = newId()
      await sql(
        `insert into postern.mail (id, kind, subject_id, email_key, valid_until, due_at, message_id, key_id)
       select $1, kind, subject_id, email_key, valid_until, now() + $3 * interval '1 second', $2, key_id from postern.mail limit 1`,
        [id, `<${id}@example.com>`, leased]
      )
      courier.offer({ id, kind: 'code', subjectId, messageId: `<${id}@example.com>` }, monotonicNow() - LEASE + left)
      return id
    }

    const late = await offer(SEND_DEADLINE - 0.5)
    const early = await offer(SEND_DEADLINE + 10)
    const messageId = `<${early}@example.com>`
    courier.offer({ id: early, kind: 'code', subjectId, messageId }, monotonicNow()) // as when its lease ran out while it waited
    const sent = await until(async () => {
      const rows = (await sql<Row>(ledger)).filter(({ id, state }) => [late, early].includes(id) && state === 'sent')
      return rows.length === 2 ? rows : undefined
    })

    const foreign = await offer(5, LEASE)
    const other = await offer(SEND_DEADLINE + 10)
    await until(async () => (await sql<Row>(ledger)).find(({ id, state }) => id === other && state === 'sent'))

    const [held] = await sql(
      `select state, due_at > now() + interval '5 seconds' as leased from postern.mail where id = $1`,
      [foreign]
    )
    t.strictSame(
      held,
      { state: 'queued', leased: true },
      'one that is leased anew is not given back: somebody else sends it'
    )
    t.equal(sent.find(({ id }) => id === late)?.attempts, 1, 'under a lease of its own')
    t.equal(sent.find(({ id }) => id === early)?.attempts, 0)
    t.equal(received.filter((mail) => messageIdOf(mail) === messageId).length, 1)
  }
)
