import type { SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'
import { mailServer, type Received } from './servers.ts'

/** A mail server behind a door: while it is shut, every conversation hangs and never gets an answer. */
export async function heldServer(t: Test, options: SMTPServerOptions = {}) {
  let open = false
  const made = await mailServer(t, {
    disableReverseLookup: true,
    onConnect: (_session, done) => {
      if (open) done()
    },
    ...options
  })
  const cut = () => {
    for (const connection of made.server.connections) connection._socket.destroy()
  }
  return {
    ...made,
    /** Conversations that are held now. */
    held: () => made.server.connections.size,
    /** From now on conversations go as they should; those that were held break. */
    release: () => {
      open = true
      cut()
    },
    cut
  }
}

const header = (name: string) => (mail: Received) =>
  new RegExp(`^${name}: (.*)\\r$`, 'mi').exec(mail.raw)?.[1]?.trim() ?? ''

/** The Message-ID that a mail arrived with. */
export const messageIdOf = header('Message-ID')

/** The text part as its reader sees it. */
export function textOf(mail: Received): string {
  const part = mail.raw.split(/^--.*\r$/m).find((candidate) => /Content-Type: text\/plain/i.test(candidate)) ?? ''
  const at = part.indexOf('\r\n\r\n')
  const body = part.slice(at + 4).replaceAll('\r\n', '\n')
  if (!/Content-Transfer-Encoding: quoted-printable/i.test(part.slice(0, at))) return body
  const bytes = body.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number(`0x${hex}`)))
  return Buffer.from(bytes, 'latin1').toString()
}
