import { createHash } from 'node:crypto'
import t from 'tap'
import { devInbox, inboxCsp } from '../../src/mail/dev-inbox.ts'
import type { OutgoingMail } from '../../src/mail/message.ts'

const from = '"Acme" <no-reply@acme.example>'
const mailTo = (to: string, id = to): OutgoingMail => ({
  id,
  to,
  subject: 'Acme identification code',
  text: '052731\n',
  html: '<p>052731</p>\n',
  messageId: `<${id}@acme.example>`
})

t.test('a mail is kept as it would have been sent', async (t) => {
  const inbox = devInbox({ from })

  const delivery = await inbox.send(mailTo('maya@example.com'))

  t.equal(delivery.outcome, 'sent')
  const [kept, ...others] = inbox.mails()
  t.same(others, [])
  t.match(kept, {
    id: 'maya@example.com',
    from,
    to: 'maya@example.com',
    subject: 'Acme identification code',
    text: '052731\n',
    html: '<p>052731</p>\n',
    message_id: '<maya@example.com@acme.example>',
    sent_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  })
  t.match(kept?.headers, {
    From: from,
    To: 'maya@example.com',
    'Message-ID': '<maya@example.com@acme.example>',
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'All'
  })
})

t.test('mails are read newest first, and by recipient without regard to case', async (t) => {
  const inbox = devInbox({ from })
  for (const [to, id] of [
    ['maya@example.com', '1'],
    ['ines@example.com', '2'],
    ['Maya@Example.com', '3']
  ] as const) {
    await inbox.send(mailTo(to, id))
  }

  const all = inbox.mails().map(({ id }) => id)
  const hers = inbox.mails('MAYA@example.com').map(({ id }) => id)

  t.same(all, ['3', '2', '1'])
  t.same(hers, ['3', '1'])
  t.same(inbox.mails('nobody@example.com'), [])
})

t.test('the oldest mails go when the limit is passed', async (t) => {
  const inbox = devInbox({ from, limit: 2 })

  for (const id of ['1', '2', '3']) await inbox.send(mailTo('maya@example.com', id))

  t.same(
    inbox.mails().map(({ id }) => id),
    ['3', '2']
  )
})

t.test('the policy lets exactly the one script of the page run', async (t) => {
  const page = devInbox({ from }).page()

  const scripts = [...page.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map((found) => found[1] as string)

  t.equal(scripts.length, 1)
  const digest = createHash('sha256')
    .update(scripts[0] as string)
    .digest('base64')
  t.match(inboxCsp, `script-src 'sha256-${digest}';`)
  for (const none of ['default-src', 'base-uri', 'form-action', 'frame-ancestors'])
    t.ok(inboxCsp.split('; ').includes(`${none} 'none'`), none)
  t.notMatch(page, /<[^>]+\son\w+=/)
})

t.test('the page makes no markup from a mail and shows it where no script runs', async (t) => {
  const page = devInbox({ from }).page()

  t.notMatch(page, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/)
  t.match(page, "setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox')")
  t.notMatch(page, /https?:\/\/[a-z]/)
})
