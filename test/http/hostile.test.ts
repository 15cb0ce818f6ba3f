import type { Socket } from 'node:net'
import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { type Dispatcher, request } from 'undici'
import { start, until } from '../helper.ts'
import { messageIdOf } from '../mail/held-server.ts'
import { mailServer } from '../mail/servers.ts'
import { hostileAddress, hostileBody, hostileText } from './hostile.ts'

/** A hundred times ten at once make the thousand. */
const RUNS = { numRuns: 100 }
const ten = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 10, maxLength: 10 })
const quiet = { LOG_LEVEL: 'silent' }
const base64 = fc.base64String({ minLength: 20, maxLength: 90 }).map((text) => text.replace(/[+/=]/g, '_'))

type Request = { method?: Dispatcher.HttpMethod; body?: string; headers?: Record<string, string> }

/** Sends what may be anything; whatever is refused must be refused as a problem, and nothing may be a fault of ours. */
async function isAnswered(url: string, { method = 'POST', body, headers = {} }: Request): Promise<number> {
  const typed = body === undefined ? headers : { 'content-type': 'application/json', ...headers }
  const { statusCode, body: answer } = await request(url, { method, headers: typed, body: body ?? null })
  const text = await answer.text()
  if (statusCode >= 500) throw new Error(`${statusCode}: ${text}`)
  if (statusCode >= 400 && JSON.parse(text).status !== statusCode) throw new Error(`no problem: ${text}`)
  return statusCode
}

t.test('no body is a fault of ours, wherever it is sent', async (t) => {
  const { url, api, signIn } = await start(t, quiet)
  const { challenge } = (await api.requestOtp({ email: 'maya@example.com' })).body
  const session = (await signIn('ines@example.com')).body
  const challenges = fc.oneof(
    fc.constant(challenge),
    base64.map((text) => `chl_${text}`)
  )
  const refreshes = fc.oneof(
    fc.constant(session.refresh_token),
    base64.map((text) => `rfr_${text}`)
  )
  const locale = fc.constantFrom('fr', 'xx-YY', 'de-CH-1996')
  const endpoints = {
    'POST /v1/otp': { email: hostileAddress, locale },
    'POST /v1/otp/resend': { challenge: challenges },
    'POST /v1/otp/verify': { challenge: challenges, code: fc.constantFrom('000000', '１２３４５６', '12-34 56') },
    'POST /v1/session/refresh': { refresh_token: refreshes },
    'POST /v1/session/logout': { refresh_token: base64.map((text) => `rfr_${text}`) },
    'PATCH /v1/me': { locale }
  }

  for (const [endpoint, members] of Object.entries(endpoints)) {
    const [method = '', path = ''] = endpoint.split(' ')
    const headers: Record<string, string> =
      method === 'PATCH' ? { authorization: `Bearer ${session.access_token}` } : {}
    const statuses = new Set<number>()
    const property = fc.asyncProperty(ten(hostileBody(members)), async (bodies) => {
      const sent = bodies.map((body) =>
        isAnswered(url + path, { method: method as Dispatcher.HttpMethod, body, headers })
      )
      for (const status of await Promise.all(sent)) statuses.add(status)
    })
    await t.resolves(fc.assert(property, RUNS), endpoint)
    t.ok(statuses.has(400) && statuses.size > 1, `${endpoint} answered ${[...statuses]}`)
  }
})

t.test('no header and no path is a fault of ours', async (t) => {
  const { url, signIn } = await start(t, quiet)
  const bearer = `Bearer ${(await signIn('maya@example.com')).body.access_token}`
  // What HTTP lets into a value: anything but control characters, as Latin-1.
  const value = fc
    .oneof(fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 80 }), hostileText)
    .map((text) =>
      Buffer.from(text)
        .toString('latin1')
        .replace(/[^ -~\x80-\xff]/g, '')
    )
  const names = ['accept-language', 'user-agent', 'authorization', 'idempotency-key', 'x-request-id', 'x-forwarded-for']
  const headers = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] })
  const bodies: Record<string, string> = {
    '/v1/otp': '{"email":"maya@example.com"}',
    '/v1/otp/verify': '{"challenge":"chl_x","code":"123456"}',
    '/v1/session/logout': '{}'
  }
  const sentTo = fc.constantFrom(...Object.keys(bodies))
  const byHeaders = fc.asyncProperty(ten(headers), sentTo, async (all, path) => {
    const given = all as Record<string, string>[]
    await Promise.all(given.map((one) => isAnswered(url + path, { body: bodies[path] ?? '', headers: one })))
  })
  const byPath = fc.asyncProperty(hostileText, async (id) => {
    const path = encodeURIComponent(id.toWellFormed()).replaceAll('.', '%2e')
    await isAnswered(`${url}/v1/me/sessions/${path}`, { method: 'DELETE', headers: { authorization: bearer } })
    await isAnswered(`${url}/problems/${path}?${path}=${path}`, { method: 'POST' })
  })

  await t.resolves(fc.assert(byHeaders, RUNS))
  await t.resolves(fc.assert(byPath, { numRuns: 300 }))
})

t.test('a mail goes to the one address that was asked for, however hostile, and has no header but ours', async (t) => {
  const { url: smtp, received, server } = await mailServer(t, { disableReverseLookup: true })
  const wire: string[] = [] // smtp-server shows domains in Unicode, so the commands are read as they come
  server.server.on('connection', (socket: Socket) => {
    const nth = wire.push('') - 1
    socket.on('data', (chunk) => (wire[nth] += chunk.toString('latin1')))
  })
  const { url, sql } = await start(t, { ...quiet, SMTP_URL: smtp })
  const accepted: string[] = []
  const property = fc.asyncProperty(ten(hostileAddress), async (emails) => {
    const ask = async (email: string) => {
      if ((await isAnswered(`${url}/v1/otp`, { body: JSON.stringify({ email }) })) === 202) accepted.push(email)
    }
    await Promise.all(emails.map(ask))
  })
  await t.resolves(fc.assert(property, RUNS))

  const rows = await until(async () => {
    const all = await sql<{ message_id: string; email: string; state: string; answer: string }>(
      'select m.message_id, m.state, m.answer, c.email from postern.mail m join postern.challenge c on c.id = m.subject_id'
    )
    return all.every(({ state }) => state !== 'queued') ? all : undefined
  }, 30)
  const stored = new Map(rows.map((row) => [row.message_id, row.email]))
  const canonical = accepted.map((typed) => {
    const text = typed.trim().normalize('NFC')
    const at = text.lastIndexOf('@')
    return `${text.slice(0, at)}@${domainToASCII(text.slice(at + 1))}`
  })

  t.ok(accepted.length > 100, `${accepted.length} of 1,000 were addresses after all`)
  t.strictSame(
    rows.filter(({ state }) => state !== 'sent'),
    []
  )
  t.strictSame([...stored.values()].sort(), canonical.sort())
  const recipients = wire.flatMap((said) => [...said.matchAll(/^RCPT TO:(.*)\r$/gm)].map(([, to]) => to))
  t.strictSame(recipients.sort(), canonical.map((address) => `<${address}>`).sort())
  t.equal(received.length, accepted.length)
  for (const mail of received) {
    const to = stored.get(messageIdOf(mail))
    const headers = mail.raw
      .slice(0, mail.raw.indexOf('\r\n\r\n'))
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
    t.equal(mail.to.length, 1)
    t.ok(headers.includes(`To: ${to}`), `To: ${to}`)
    t.strictSame(headers.map((line) => line.split(':')[0]).sort(), [
      'Auto-Submitted',
      'Content-Type',
      'Date',
      'From',
      'MIME-Version',
      'Message-ID',
      'Subject',
      'To',
      'X-Auto-Response-Suppress'
    ])
  }
})
