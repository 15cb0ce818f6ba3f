import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import MailComposer from 'nodemailer/lib/mail-composer'
import t from 'tap'
import { loadRenderer } from '../../src/mail/render.ts'
import { writeAtOnce } from '../../src/mail/write.ts'

const envelope = { from: { name: 'Müller & Söhne', address: 'login@example.com' }, to: 'maya@example.com' }

/** A message by nodemailer's own writer, and by ours. */
async function bothWays(parts: { subject: string; text: string; html: string }) {
  const message = new MailComposer({ ...envelope, ...parts, messageId: '<1@example.com>', xMailer: false }).compile()
  const theirs = (await message.build()).toString()
  writeAtOnce(message)
  if (!Object.hasOwn(message, 'stream')) throw new Error('nodemailer wrote it both times')
  return { theirs, ours: await text(message.createReadStream()) }
}

t.test('every mail of ours is written as nodemailer writes it', async (t) => {
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

      t.equal(ours, theirs, `${locale} ${kind}`)
    }
  }
})

t.test('whatever the language, and however it is encoded', async (t) => {
  const odd = {
    subject: 'Код подтверждения: это очень длинная тема, которая не помещается в одну строку заголовка',
    text: '.\n..two dots\n\nEin „Satz“ mit Leerzeichen am Ende \n\ttab\r\nwindows\n052731\n',
    html: `<p>${'確認コードは次のとおりです。'.repeat(40)}</p>\n<p>052731</p>`
  }
  const plain = { subject: 'short', text: '052731', html: '<p>052731</p>' }

  const written = await Promise.all([odd, plain].map(bothWays))

  for (const { theirs, ours } of written) t.equal(ours, theirs)
  const encodings = written.flatMap(({ theirs }) => theirs.match(/(?<=transfer-encoding: )\S+/gi) ?? [])
  t.same(new Set(encodings), new Set(['quoted-printable', 'base64', '7bit']), 'each encoding was seen')
})

t.test('what is more than texts is left to nodemailer', async (t) => {
  const picture = { filename: 'logo.png', content: Readable.from([Buffer.from('bytes')]) }
  const message = new MailComposer({ ...envelope, text: 'text', attachments: [picture], xMailer: false }).compile()
  writeAtOnce(message)

  const written = await text(message.createReadStream())

  t.match(written, `\r\n\r\n${Buffer.from('bytes').toString('base64')}\r\n`)
})

t.test('what cannot be written fails the sending of that mail, and nothing else', async (t) => {
  const message = new MailComposer({ ...envelope, text: 'text', xMailer: false }).compile()
  writeAtOnce(message)
  message.buildHeaders = () => {
    throw new Error('no headers')
  }

  await t.rejects(text(message.createReadStream()), /no headers/)
})
