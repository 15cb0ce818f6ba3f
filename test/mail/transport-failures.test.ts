import { text } from 'node:stream/consumers'
import t from 'tap'
import { until } from '../helper.ts'
import { mail, mailServer, oddServer, refusing, script, transportTo } from './servers.ts'

t.test('a recipient who is refused for good is told with the server’s answer, and the next mail goes', async (t) => {
  const { url, received } = await mailServer(t, {
    onRcptTo: ({ address }, _session, done) =>
      done(address === mail.to ? refusing(550, '5.1.1 no such mailbox') : undefined)
  })
  const transport = transportTo(t, url)

  const refused = await transport.send(mail)
  const next = await transport.send({ ...mail, to: 'ines@example.com' })

  t.same(refused, { outcome: 'refused', answer: '550 5.1.1 no such mailbox' })
  t.equal(next.outcome, 'sent')
  t.same(received[0]?.to, ['ines@example.com'])
})

t.test('a mail that is refused after its end is refused', async (t) => {
  const { url } = await oddServer(t, script({ '.': '554 5.7.1 looks like spam' }))

  const delivery = await transportTo(t, url).send(mail)

  t.same(delivery, { outcome: 'refused', answer: '554 5.7.1 looks like spam' })
})

t.test('what a server puts off is deferred, wherever in the conversation it does', async (t) => {
  const greylisted = await mailServer(t, {
    onRcptTo: (_address, _session, done) => done(refusing(451, '4.7.1 try again later'))
  })
  const closing = await mailServer(t, {
    onMailFrom: (_address, _session, done) => done(refusing(421, '4.3.2 shutting down'))
  })
  const full = await oddServer(t, script({ '.': '452 4.3.1 no space' }))
  const busy = await oddServer(t, (socket) => socket.end('421 too many connections\r\n'))

  const answers = [greylisted, closing, full, busy].map(({ url }) => transportTo(t, url).send(mail))

  t.match(await Promise.all(answers), [
    { outcome: 'deferred', answer: '451 4.7.1 try again later' },
    { outcome: 'deferred', answer: '421 4.3.2 shutting down' },
    { outcome: 'deferred', answer: '452 4.3.1 no space' },
    { outcome: 'deferred', answer: /too many connections/ }
  ])
})

t.test('trouble with our own sign-in is no refusal of the recipient', async (t) => {
  const wrong = await mailServer(t, {
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(refusing(535, '5.7.8 wrong password'))
  })
  const refused = ['530 5.7.0 sign in first', '534 5.7.9 too weak', '538 5.7.11 encrypt first']
  const odd = await Promise.all(refused.map((answer) => oddServer(t, script({ MAIL: answer }))))
  const unwelcome = await oddServer(t, (socket) => socket.end('554 no service for you\r\n'))
  const signingIn = wrong.url.replace('//', '//postern:hunter2@')

  const answers = [signingIn, ...odd.map(({ url }) => url), unwelcome.url].map((url) => transportTo(t, url).send(mail))

  t.match(await Promise.all(answers), [
    { outcome: 'deferred', answer: '535 5.7.8 wrong password' },
    ...refused.map((answer) => ({ outcome: 'deferred', answer })),
    { outcome: 'deferred', answer: '554 no service for you' }
  ])
})

t.test('a connection that closes after the final dot defers the mail and is not used again', async (t) => {
  let mails = 0
  const { url, server } = await mailServer(t, {
    onData: async (stream, _session, done) => {
      await text(stream)
      if (++mails > 1) return done()
      for (const connection of server.connections) connection._socket.destroy()
    }
  })
  const transport = transportTo(t, url)

  const cut = await transport.send(mail)
  const again = await transport.send(mail)

  t.equal(cut.outcome, 'deferred')
  t.equal(again.outcome, 'sent')
  t.equal(mails, 2)
})

t.test('a server that never greets costs one deadline; when it has recovered the next mail goes', async (t) => {
  const hole = await oddServer(t, () => {})
  const transport = transportTo(t, hole.url, { deadline: 2 })

  const begun = performance.now()
  const [first, queued] = await Promise.all([transport.send(mail), transport.send(mail)])
  const took = performance.now() - begun
  await hole.stop()
  const { received } = await mailServer(t, {}, hole.port)
  const next = await transport.send(mail)

  t.match(first, { outcome: 'deferred', answer: /Greeting never received/ })
  t.equal(queued.outcome, 'deferred')
  t.ok(took < 3000, `${took} ms`)
  t.equal(next.outcome, 'sent')
  t.equal(received.length, 1)
})

t.test('a server that always says a little more is left at the deadline, and its connection with it', async (t) => {
  let connections = 0
  const { url } = await oddServer(t, (socket) => {
    if (++connections > 1) return script({})(socket)
    script({ MAIL: '250-patience' })(socket)
    const trickle = setInterval(() => socket.write('250-patience\r\n'), 20)
    socket.on('close', () => clearInterval(trickle))
  })
  const transport = transportTo(t, url, { deadline: 0.5 })

  const begun = performance.now()
  const first = await transport.send(mail)
  const took = performance.now() - begun
  const next = await transport.send(mail)

  t.same(first, { outcome: 'deferred', answer: 'not done within 0.5 s' })
  t.ok(took < 5000, `${took} ms`)
  t.equal(next.outcome, 'sent')
})

t.test('timeouts in the URL do not lift the deadline', async (t) => {
  const { url } = await oddServer(t, () => {})
  const transport = transportTo(t, `${url}?greetingTimeout=60000&connectionTimeout=60000`, { deadline: 0.5 })

  const delivery = await transport.send(mail)

  t.match(delivery, { outcome: 'deferred', answer: /Greeting never received/ })
})

t.test('a server that falls silent amid a mail is left at the deadline too', async (t) => {
  let mails = 0
  const { url } = await mailServer(t, {
    onData: async (stream, _session, done) => {
      await text(stream)
      if (++mails > 1) done()
    }
  })
  const transport = transportTo(t, url, { deadline: 0.5 })

  const first = await transport.send(mail)
  const next = await transport.send(mail)

  t.equal(first.outcome, 'deferred')
  t.equal(next.outcome, 'sent')
})

t.test('a server that cannot be reached defers the mail', async (t) => {
  const gone = await oddServer(t, () => {})
  await gone.stop()

  const delivery = await transportTo(t, gone.url).send(mail)

  t.match(delivery, { outcome: 'deferred', answer: /ECONNREFUSED/ })
})

t.test('idle connections that the server drops harm nobody', async (t) => {
  const { url, received, server } = await mailServer(t)
  const transport = transportTo(t, url, { connections: 3 })
  await Promise.all([transport.send(mail), transport.send(mail), transport.send(mail)])

  for (const connection of server.connections) connection._socket.resetAndDestroy()
  const next = await transport.send(mail)

  t.equal(next.outcome, 'sent')
  t.equal(received.length, 4)
})

t.test('a connection at rest is ended before a firewall could drop it, and in order', async (t) => {
  let said = ''
  const { url } = await oddServer(t, (socket) => {
    socket.on('data', (chunk) => {
      said += chunk
    })
    script({})(socket)
  })
  const transport = transportTo(t, url, { deadline: 0.5 })

  t.equal((await transport.send(mail)).outcome, 'sent')

  t.ok(await until(() => said.endsWith('QUIT\r\n')))
})

t.test('an answer is one line, not too long, and quotes neither the code nor a link', async (t) => {
  const link = 'https://app.example/reset#rst_abcdefghijklmnop'
  const said = `550-no: 052731\r\n550-and ${link}\r\n550 \u0007${'x '.repeat(200)}`
  const { url } = await oddServer(t, script({ '.': said }))

  const delivery = await transportTo(t, url).send({ ...mail, text: `052731\n\nOpen ${link}\n` })

  t.equal(delivery.outcome, 'refused')
  t.match(delivery.answer, /^550-no: … 550-and … 550 [x ]+$/)
  t.equal(delivery.answer.length, 300)
})

t.test('an answer that is cut ends with a whole letter', async (t) => {
  const { url } = await oddServer(t, script({ '.': `550 x${'🦊'.repeat(200)}` }))

  const { answer } = await transportTo(t, url).send(mail)

  t.match(answer, /^550 x🦊+.$/u)
  t.ok(answer.isWellFormed())
})

t.test('nor does it quote them as the mail travels: broken lines, or only a part of one', async (t) => {
  const link = `https://app.example/reset#token=rst_${'GBbAKg-x_'.repeat(8)}`
  const travels = link.replace('=', '=3D')
  const quotes = [
    `550 bad link in: ${travels.slice(0, 75)}= ${travels.slice(75)} bye`,
    `550 bad link in: ${travels.slice(0, 60)}`
  ]

  for (const said of quotes) {
    const { url } = await oddServer(t, script({ '.': said }))
    const { answer } = await transportTo(t, url).send({ ...mail, text: `Open ${link}\n` })

    t.match(answer, /^550 bad link in: .*…/)
    t.notMatch(answer, /GBbAKg/)
  }
})

t.test('nor as base64, which is how a mail in another script travels', async (t) => {
  const letter = 'Ваш код подтверждения:\n\n483920\n\nНикому его не сообщайте.\n'
  const travels = Buffer.from(letter).toString('base64')
  const { url } = await oddServer(
    t,
    script({ '.': `554 spam: ${travels.slice(0, 76)} ${travels.slice(76)} (QUEUE-4bXyZ09aQ1)` })
  )

  const { answer } = await transportTo(t, url).send({ ...mail, text: letter })

  t.match(answer, /^554 spam: … .*\(QUEUE-4bXyZ09aQ1\)$/)
  for (const word of answer.split(' ')) t.notMatch(Buffer.from(word, 'base64').toString(), /483920/)
})

t.test('nor a piece of it, wherever that begins, of either part of the mail', async (t) => {
  const letter = 'Ваш код подтверждения:\n\n483920\n'
  const html = `<p>${letter}</p>`
  const short = 'Code: 483920\n'
  const [text, page, rest] = [letter, html, short].map((part) => Buffer.from(part).toString('base64')) as [
    string,
    string,
    string
  ]

  for (const [said, sent] of [
    [`554 spam: ${text.slice(5)}`, letter],
    [`554 spam: ${page.slice(5)}`, letter],
    [`554 spam: ${rest}`, short]
  ] as const) {
    const { url } = await oddServer(t, script({ '.': said }))
    const { answer } = await transportTo(t, url).send({ ...mail, text: sent, html })
    t.equal(answer, '554 spam: …')
  }
})

t.test('what a server says of something else stays as it is', async (t) => {
  const { url } = await oddServer(t, script({ '.': '552 size= 5 of limit =3D 4' }))

  t.equal((await transportTo(t, url).send(mail)).answer, '552 size= 5 of limit =3D 4')

  const tls =
    '454 error:0A00010B:SSL routines:tls_get_more_records:wrong version number:ssl/record/methods/tls_common.c:77:'
  const { url: broken } = await oddServer(t, script({ '.': tls }))

  t.equal((await transportTo(t, broken).send(mail)).answer, tls)
})
