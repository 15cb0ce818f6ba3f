import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'
import type { OutgoingMail } from '../../src/mail/message.ts'
import { smtpTransport } from '../../src/mail/transport.ts'

export const from = '"Acme & Co" <no-reply@acme.example>'
export const mail: OutgoingMail = {
  id: '019a0000-0000-7000-8000-000000000001',
  to: 'maya@example.com',
  subject: 'Code d’identification Acme',
  text: 'Votre code d’identification :\n\n052731\n\nRéférence : QXKD\n',
  html: '<p>Votre code : <b>052731</b></p>\n',
  messageId: '<019a0000-0000-7000-8000-000000000001@acme.example>'
}

export type Received = { from: string; to: string[]; raw: string }

/** A mail server that keeps what it accepts; without TLS and sign-in unless the options say otherwise. */
export async function mailServer(t: Test, options: SMTPServerOptions = {}, port = 0) {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onData: async (stream, { envelope }, done) => {
      const raw = await text(stream)
      const sender = envelope.mailFrom === false ? '' : envelope.mailFrom.address
      received.push({ from: sender, to: envelope.rcptTo.map(({ address }) => address), raw })
      done()
    },
    ...options
  })
  server.on('error', () => {}) // a client that hangs up over the certificate
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, received, server }
}

/** Speaks with each connection as `talk` says, for servers that misbehave. */
export async function oddServer(t: Test, talk: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  t.teardown(() => (server.listening ? stop() : undefined))
  const { port } = server.address() as AddressInfo
  return { url: `smtp://127.0.0.1:${port}`, port, stop }
}

/** Answers commands by a table of their first words; `.` is the end of a mail. */
export function script(answers: Record<string, string>) {
  return (socket: Socket): void => {
    let inMail = false
    let rest = ''
    socket.write('220 test ESMTP\r\n')
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n')
      rest = lines.pop() as string
      for (const line of lines) {
        if (inMail && line !== '.') continue
        const word = line.split(/[ :]/)[0]?.toUpperCase() ?? ''
        inMail = word === 'DATA'
        socket.write(`${answers[word] ?? (inMail ? '354 go on' : '250 fine')}\r\n`)
      }
    })
  }
}

export function transportTo(
  t: Test,
  url: string,
  options: { connections?: number; deadline?: number; from?: string } = {}
) {
  const transport = smtpTransport({ url, from, connections: 1, deadline: 5, ...options })
  t.teardown(() => transport.close())
  return transport
}

export const refusing = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode })
