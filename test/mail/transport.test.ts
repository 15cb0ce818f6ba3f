import { text } from 'node:stream/consumers'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { smtpTransport } from '../../src/mail/transport.ts'
import { from, mail, mailServer, type Received, transportTo } from './servers.ts'

t.test('a mail arrives with its envelope, its headers and both parts', async (t) => {
  const { url, received } = await mailServer(t)
  const transport = transportTo(t, url)

  const delivery = await transport.send(mail)

  t.equal(delivery.outcome, 'sent')
  t.match(delivery.answer, /^250/)
  t.equal(received.length, 1)
  const { raw, ...envelope } = received[0] as Received
  t.same(envelope, { from: 'no-reply@acme.example', to: ['maya@example.com'] })
  t.match(raw, /^From: "?Acme & Co"? <no-reply@acme\.example>\r$/m)
  t.match(raw, /^To: maya@example\.com\r$/m)
  t.match(raw, /^Subject: =\?UTF-8\?/m)
  t.match(raw, `\r\nMessage-ID: ${mail.messageId}\r\n`)
  t.match(raw, /^Auto-Submitted: auto-generated\r$/m)
  t.match(raw, /^X-Auto-Response-Suppress: All\r$/m)
  t.match(raw, /^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r$/m)
  t.notMatch(raw, /^X-Mailer/im)
  t.match(raw, /Content-Type: text\/plain; charset=utf-8.*^052731\r$.*Content-Type: text\/html; charset=utf-8/ms)
})

t.test('a mail that is sent again bears the same Message-ID', async (t) => {
  const { url, received } = await mailServer(t)
  const transport = transportTo(t, url)

  await transport.send(mail)
  await transport.send(mail)

  t.same(
    received.map(({ raw }) => /^Message-ID: (.*)\r$/m.exec(raw)?.[1]),
    [mail.messageId, mail.messageId]
  )
})

t.test('a connection carries one mail after another, and a pool no more than its connections', async (t) => {
  let opened = 0
  const { url, received } = await mailServer(t, {
    onConnect: (_session, done) => {
      opened++
      done()
    }
  })
  const transport = transportTo(t, url, { connections: 2 })

  const deliveries = await Promise.all(Array.from({ length: 30 }, () => transport.send(mail)))

  t.ok(deliveries.every(({ outcome }) => outcome === 'sent'))
  t.equal(received.length, 30)
  t.equal(opened, 2)
})

t.test('a server that allows few connections gets no more than the URL says, and every mail at once', async (t) => {
  const { url, received } = await mailServer(t, { maxClients: 2 })
  const transport = transportTo(t, `${url}?maxConnections=2`, { connections: 10 })

  const deliveries = await Promise.all(Array.from({ length: 30 }, () => transport.send(mail)))

  t.same(
    deliveries.filter(({ outcome }) => outcome !== 'sent'),
    []
  )
  t.equal(received.length, 30)
})

t.test('a certificate that nobody vouches for is not trusted, unless the URL says so', async (t) => {
  const upgraded = await mailServer(t, { hideSTARTTLS: false })
  const wrapped = await mailServer(t, { secure: true })
  const secure = wrapped.url.replace('smtp:', 'smtps:')

  const starttls = await transportTo(t, upgraded.url).send(mail)
  const tls = await transportTo(t, secure).send(mail)
  const told = await transportTo(t, `${secure}?tls.rejectUnauthorized=false`).send(mail)

  t.match(starttls, { outcome: 'deferred', answer: /certificate/ })
  t.match(tls, { outcome: 'deferred', answer: /certificate/ })
  t.equal(told.outcome, 'sent')
  t.equal(upgraded.received.length, 0)
  t.equal(wrapped.received.length, 1)
})

t.test('no option of the URL has a conversation with a mail server printed', async (t) => {
  const { url } = await mailServer(t)
  const printed = t.capture(console, 'log', () => undefined)
  const transport = transportTo(t, `${url}?logger=true&debug=true&transactionLog=true`)

  t.equal((await transport.send(mail)).outcome, 'sent')

  t.strictSame(printed(), [])
})

t.test('requireTLS in the URL keeps a mail from going out in clear', async (t) => {
  const { url, received } = await mailServer(t)

  const delivery = await transportTo(t, `${url}?requireTLS=true`).send(mail)

  t.equal(delivery.outcome, 'deferred')
  t.equal(received.length, 0)
})

t.test('a text that is not one plain address is refused before anybody is called', async (t) => {
  const { url, received } = await mailServer(t)
  const transport = transportTo(t, url)
  const texts = [
    '',
    'maya',
    'a@example.com, b@example.com',
    'a@example.com\r\nRCPT TO:<b@example.com>',
    '<a@b.example>'
  ]

  const deliveries = await Promise.all(texts.map((to) => transport.send({ ...mail, to })))

  for (const { outcome } of deliveries) t.equal(outcome, 'refused')
  t.equal(received.length, 0)
})

t.test('a subject that holds a line break adds no header', async (t) => {
  const { url, received } = await mailServer(t)

  await transportTo(t, url).send({ ...mail, subject: 'Hello\r\nBcc: eve@example.com' })

  t.notMatch(received[0]?.raw, /^Bcc/m)
  t.same(received[0]?.to, ['maya@example.com'])
})

t.test('closing lets the mail underway arrive and takes no other', async (t) => {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>()
  const { url } = await mailServer(t, {
    onData: async (stream, _session, done) => {
      await text(stream)
      reach()
      await goOn
      done()
    }
  })
  const transport = smtpTransport({ url, from, connections: 1, deadline: 5 })
  const outcomes: string[] = []
  void transport.send(mail).then(({ outcome }) => outcomes.push(outcome))
  await reached

  const closing = transport.close()
  const late = await transport.send(mail)
  letGo()
  await closing

  t.same(outcomes, ['sent'])
  t.equal(late.outcome, 'deferred')
})

t.test('a sender that is not one address is a fault at the start', async (t) => {
  for (const bad of [
    '',
    'Acme',
    'a@example.com, b@example.com',
    'Ac\nme <a@example.com>',
    'Ac\u202eme <a@example.com>'
  ]) {
    t.throws(() => smtpTransport({ url: 'smtp://127.0.0.1', from: bad, connections: 1, deadline: 1 }), /MAIL_FROM/)
  }
})

t.test('the sender that the settings make up holds, whatever host the service has', async (t) => {
  for (const PUBLIC_URL of ['http://127.0.0.1:3000', 'http://[::1]:3000', 'https://auth', 'https://10.0.0.5']) {
    const { MAIL_FROM: own } = readConfig({ PUBLIC_URL, SMTP_URL: 'smtp://127.0.0.1' })
    await smtpTransport({ url: 'smtp://127.0.0.1', from: own, connections: 1, deadline: 1 }).close()
    t.pass(own)
  }
})
