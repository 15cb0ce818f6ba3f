import { readFileSync } from 'node:fs'
import { sha256 } from '../lib/capability.ts'
import { automaticHeaders, mailDate, type OutgoingMail } from './message.ts'
import type { Transport } from './transport.ts'

/** A mail as `GET /dev/inbox.json` answers it. */
export type InboxMail = {
  id: string
  to: string
  from: string
  subject: string
  text: string
  html: string
  message_id: string
  headers: Record<string, string>
  sent_at: string
}

export type DevInbox = Transport & {
  /** Newest first; `to` is compared without regard to case. */
  mails: (to?: string) => InboxMail[]
  /** The page at `GET /dev/inbox`, to be served with `inboxCsp`. It reads `/dev/inbox.json`. */
  page: () => string
}

const html = readFileSync(new URL('dev-inbox.html', import.meta.url), 'utf8')
const script = /<script>(.*?)<\/script>/s.exec(html)?.[1] ?? ''

/**
 * Lets the page's own script run and nothing else. Styles are not pinned by a hash, because the frame that shows a mail
 * inherits this policy, and mails bring styles of their own.
 */
export const inboxCsp = [
  "default-src 'none'",
  `script-src 'sha256-${sha256(script).toString('base64')}'`,
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

/**
 * A transport for development: keeps mails in memory for a person or a test to read.
 *
 * @param options.limit mails kept; the oldest go first
 */
export function devInbox({ from, limit = 500 }: { from: string; limit?: number }): DevInbox {
  const kept: InboxMail[] = []
  const receive = (mail: OutgoingMail): void => {
    const now = new Date()
    const headers = {
      From: from,
      To: mail.to,
      Subject: mail.subject,
      'Message-ID': mail.messageId,
      Date: mailDate(now),
      ...automaticHeaders
    }
    const { id, to, subject, text, html } = mail
    kept.unshift({ id, to, from, subject, text, html, message_id: mail.messageId, headers, sent_at: now.toISOString() })
    kept.length = Math.min(kept.length, limit)
  }

  return {
    send: async (mail) => {
      receive(mail)
      return { outcome: 'sent', answer: 'kept in the dev inbox' }
    },
    close: async () => {},
    mails: (to) => kept.filter((mail) => to === undefined || mail.to.toLowerCase() === to.toLowerCase()),
    page: () => html
  }
}
