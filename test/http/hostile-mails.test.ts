import type { Socket } from 'node:net'
import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { parseAddress } from '../../src/lib/email.ts'
import { newId } from '../../src/lib/identifier.ts'
import { start, until } from '../helper.ts'
import { messageIdOf } from '../mail/held-server.ts'
import { mailServer } from '../mail/servers.ts'
import { hostileAddress, isAnswered, RUNS, ten } from './hostile.ts'

const asked = {
  'a code': { path: '/v1/otp', subjects: 'postern.challenge' },
  'a link': { path: '/v1/password/forgot', subjects: 'postern.password_reset' }
}

/** The address as it is written when nobody has an account with it. */
function written(typed: string): string {
  const text = typed.trim().normalize('NFC')
  const at = text.lastIndexOf('@')
  return `${text.slice(0, at)}@${domainToASCII(text.slice(at + 1))}`
}

/** Whoever has an account once signed up in capitals. */
const loud = (address: string): string => address.replace(/.*@/, (local) => local.toUpperCase())
const hasAccount = (address: string): boolean => address.length % 2 === 0
const recipientOf = (typed: string): string => (hasAccount(written(typed)) ? loud(written(typed)) : written(typed))

/** A service that knows half of the people, its mail server, and to whom that was told to send, word by word. */
async function listen(t: Test) {
  const { url: smtp, received, server } = await mailServer(t, { disableReverseLookup: true })
  const wire: string[] = [] // smtp-server shows domains in Unicode, so the commands are read as they come
  server.server.on('connection', (socket: Socket) => {
    const nth = wire.push('') - 1
    socket.on('data', (chunk) => (wire[nth] += chunk.toString('latin1')))
  })
  const recipients = () => wire.flatMap((said) => [...said.matchAll(/^RCPT TO:<(.*)>\r$/gm)].map(([, to]) => to))
  return { ...(await start(t, { LOG_LEVEL: 'silent', SMTP_URL: smtp })), received, recipients }
}

/** Asks for a thousand mails. @returns the addresses to which one was promised, as they were typed */
async function askForMails({ url, sql }: Pick<Awaited<ReturnType<typeof listen>>, 'url' | 'sql'>, path: string) {
  const accepted: string[] = []
  const property = fc.asyncProperty(ten(hostileAddress), async (emails) => {
    const people = emails.flatMap((email) => parseAddress(email)?.spelling ?? []).filter(hasAccount)
    await sql(
      `insert into postern."user" (id, email, email_key, email_verified_at, locale)
       select id, email, lower(email), now(), 'en' from unnest($1::uuid[], $2::text[]) as made (id, email)
       on conflict do nothing`,
      [people.map(newId), people.map(loud)]
    )
    const ask = async (email: string) => {
      if ((await isAnswered(url + path, { body: JSON.stringify({ email }) })) === 202) accepted.push(email)
    }
    await Promise.all(emails.map(ask))
  })
  await fc.assert(property, RUNS)
  return accepted
}

/** Every mail of a run, with the address that its account, or else its request, was stored with. */
const settledMails = (sql: Awaited<ReturnType<typeof start>>['sql'], subjects: string) =>
  until(async () => {
    const all = await sql<{ message_id: string; stored: string; state: string; answer: string }>(
      `select m.message_id, m.state, m.answer, coalesce(u.email, asked.email) as stored
       from postern.mail as m join ${subjects} as asked on asked.id = m.subject_id
       left join postern."user" as u on u.email_key = asked.email_key`
    )
    return all.every(({ state }) => state !== 'queued') ? all : undefined
  }, 30)

for (const [what, { path, subjects }] of Object.entries(asked)) {
  t.test(`${what} goes to the one stored address, however hostile, in a mail with no header but ours`, async (t) => {
    const { received, recipients, ...world } = await listen(t)
    const accepted = await askForMails(world, path)
    const rows = await settledMails(world.sql, subjects)

    const known = accepted.filter((typed) => hasAccount(written(typed)))
    t.ok(accepted.length > 100, `${accepted.length} of 1,000 were addresses after all`)
    t.ok(known.length > 30 && known.length < accepted.length - 30, `${known.length} of them had accounts`)
    t.strictSame(
      rows.filter(({ state }) => state !== 'sent'),
      []
    )
    const wanted = accepted.map(recipientOf).sort()
    t.strictSame(rows.map(({ stored }) => stored).sort(), wanted)
    t.strictSame(recipients().sort(), wanted)
    t.equal(received.length, accepted.length)
    const storedOf = new Map(rows.map(({ message_id, stored }) => [message_id, stored]))
    for (const mail of received) {
      const headers = mail.raw
        .slice(0, mail.raw.indexOf('\r\n\r\n'))
        .replace(/\r\n[ \t]+/g, ' ')
        .split('\r\n')
      t.equal(mail.to.length, 1)
      t.ok(headers.includes(`To: ${storedOf.get(messageIdOf(mail))}`), `To: ${storedOf.get(messageIdOf(mail))}`)
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
}
