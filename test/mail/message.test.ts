import { text } from 'node:stream/consumers'
import MailComposer from 'nodemailer/lib/mail-composer'
import t from 'tap'
import { automaticHeaders, composer } from '../../src/mail/message.ts'
import { loadRenderer } from '../../src/mail/render.ts'

const from = { name: 'Müller & Söhne', address: 'login@example.com' }
const [to, messageId] = ['maya+news@example.com', '<0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42@auth.example.com>']
const compose = composer(from)

type Parts = { subject: string; text: string; html: string }

const composed = (parts: Parts) => compose({ id: '0198c5a1', to, messageId, ...parts })

/** A message with its headers sorted, and what is made up anew for each message put out of the way. */
function comparable(message: string): string {
  const boundary = /boundary="([^"]+)"/.exec(message)?.[1] ?? ''
  const [head = '', ...body] = message.replaceAll(boundary, 'boundary').split('\r\n\r\n')
  const headers = head.split(/\r\n(?![ \t])/).map((header) => header.replace(/\r\n\s+/, ' '))
  return [
    headers
      .map((line) => line.replace(/^Date: .*/, 'Date'))
      .sort()
      .join('\n'),
    ...body
  ].join('\r\n\r\n')
}

/** A message as nodemailer's composer makes it, and ours. */
async function bothWays(parts: Parts) {
  const options = { from, to, messageId, headers: automaticHeaders, xMailer: false as const, ...parts }
  const theirs = (await new MailComposer(options).compile().build()).toString()
  return { theirs, ours: await text(composed(parts).createReadStream()) }
}

t.test('every mail of ours is what nodemailer composes', async (t) => {
  const { locales, render } = await loadRenderer({ overridesDir: undefined, brand: 'Müller', defaultLocale: 'en' })
  const data = {
    code: '052731',
    reference: 'QXKD',
    minutes: 10,
    link: `https://example.com/#${'x'.repeat(90)}`,
    hours: 24
  }
  const more = { time: '2026-11-22 09:30 UTC', client: 'Firefox, Windows' }

  for (const locale of locales) {
    for (const kind of [
      'code',
      'no-account',
      'reset',
      'reset-no-account',
      'password-changed',
      'account-deleted'
    ] as const) {
      const { theirs, ours } = await bothWays(render(kind, locale, { ...data, ...more }))

      t.equal(comparable(ours), comparable(theirs), `${locale} ${kind}`)
    }
  }
})

t.test('whatever the language, and however it is encoded', async (t) => {
  const odd = {
    subject: 'Код подтверждения: это очень длинная тема, которая не помещается в одну строку заголовка',
    text: '.\n..two dots\n\nEin „Satz“ mit Leerzeichen am Ende \n\ttab\r\nwindows\n052731\n',
    html: `<p>${'確認コードは次のとおりです。'.repeat(40)}</p>\n<p>052731</p>`
  }
  const even = { subject: 'half and half', text: 'abcäöü', html: '<p>äöüabc</p>' }
  const plain = { subject: 'short', text: '052731', html: '<p>052731</p>' }
  const controls = { subject: 'controls', text: 'form\ffeed and \u007f', html: '<p>bell\u0007</p>' }
  const wide = { subject: 'x'.repeat(200), text: 'x'.repeat(76), html: 'x'.repeat(77) }

  const written = await Promise.all([odd, even, plain, controls, wide].map(bothWays))

  for (const { theirs, ours } of written) t.equal(comparable(ours), comparable(theirs))
  const encodings = written.flatMap(({ ours }) => ours.match(/(?<=transfer-encoding: )\S+/gi) ?? [])
  t.same(new Set(encodings), new Set(['quoted-printable', 'base64', '7bit']), 'each encoding was seen')
})

t.test('a message can be read anew for each attempt', async (t) => {
  const message = composed({ subject: 'Hello', text: '052731', html: '<p>052731</p>' })

  const [first, second] = [await text(message.createReadStream()), await text(message.createReadStream())]

  t.match(first, '052731')
  t.equal(second, first)
  t.same(message.getEnvelope(), { from: 'login@example.com', to: [to] })
})

t.test('what mails of a subject share is composed once, and forgotten before it fills the memory', async (t) => {
  const fresh = composer(from)
  const compiled = t.capture(MailComposer.prototype, 'compile', MailComposer.prototype.compile)
  const composings = (subject: string): number => {
    fresh({ id: '0198c5a1', to, messageId, subject, text: '052731', html: '<p>052731</p>' })
    return compiled().length
  }

  t.equal(composings('Acme'), 1)
  t.equal(composings('Acme'), 0)
  for (let nth = 0; nth < 200; nth++) composings(`subject ${nth}`)
  t.equal(composings('Acme'), 1)
})

t.test('subjects without end are each sent as they are', async (t) => {
  for (let n = 0; n < 250; n++) {
    const message = await text(composed({ subject: `code ${n % 130}`, text: 'x', html: 'x' }).createReadStream())
    t.match(message, `\r\nSubject: code ${n % 130}\r\n`)
  }
})

t.test('two mails of one subject have nothing of each other', async (t) => {
  const parts = { subject: 'Hello', text: 'x', html: 'x' }
  compose({ id: '1', to: 'first@example.com', messageId: '<1@example.com>', ...parts })
  const second = compose({ id: '2', to: 'second@example.com', messageId: '<2@example.com>', ...parts })

  const message = await text(second.createReadStream())

  t.match(message, '\r\nTo: second@example.com\r\nMessage-ID: <2@example.com>\r\n')
  t.notMatch(message, /first|<1@/)
})
