import { Readable } from 'node:stream'
import * as base64 from 'nodemailer/lib/base64'
import MailComposer from 'nodemailer/lib/mail-composer'
import { hasLongerLines, isPlainText } from 'nodemailer/lib/mime-funcs'
import * as quotedPrintable from 'nodemailer/lib/qp'
import type { Sender } from '../lib/sender.ts'

/** One mail to one recipient; `messageId` is `<id@host>` and stays the same when the mail is sent again. */
export type OutgoingMail = { id: string; to: string; subject: string; text: string; html: string; messageId: string }

/** No out-of-office note or bounce robot should answer a code (RFC 3834; the second header is Exchange's). */
export const automaticHeaders = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' } as const

/** A moment as RFC 5322 (3.3) writes it. */
export const mailDate = (moment: Date): string => moment.toUTCString().replace('GMT', '+0000')

/** Headers that differ between mails of one subject. */
const OWN_HEADERS = /^(?:message-id|date|content-type):/i
/** Subjects whose headers are kept; there is one a kind and language, unless an operator's template makes them up. */
const MOST_SUBJECTS = 100
const LONGEST_LINE = 76

/**
 * Makes mails of two texts ready to travel (RFC 5322, RFC 2045). Nodemailer's composer makes what mails of a subject have in
 * common, once, and its codecs encode the texts; composing each mail from nothing takes longer than all else that is done for it.
 */
export function composer(from: Sender): (mail: OutgoingMail) => Message {
  const heads = new Map<string, string>()
  const headOf = (subject: string): string => {
    const known = heads.get(subject)
    if (known !== undefined) return known
    if (heads.size >= MOST_SUBJECTS) heads.clear()
    const head = sharedHead(from, subject)
    heads.set(subject, head)
    return head
  }
  return (mail) => new Message(from.address, mail, written(headOf(mail.subject), mail))
}

function sharedHead(from: Sender, subject: string): string {
  const texts = { text: 'text', html: 'html' }
  const composed = new MailComposer({ from, subject, headers: automaticHeaders, xMailer: false, ...texts }).compile()
  const headers = composed.buildHeaders().split(/\r\n(?![ \t])/)
  return headers.filter((header) => !OWN_HEADERS.test(header)).join('\r\n')
}

function written(head: string, { id, to, messageId, text, html }: OutgoingMail): string {
  const boundary = `--_Part-${id}`
  return [
    head,
    `To: ${to}`, // as `parseAddress` spells it: ASCII, without quotes or spaces
    `Message-ID: ${messageId}`,
    `Date: ${mailDate(new Date())}`,
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    part('text/plain', text),
    `--${boundary}`,
    part('text/html', html),
    `--${boundary}--`,
    ''
  ].join('\r\n')
}

function part(type: string, text: string): string {
  const [encoding, encoded] = encode(text)
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${encoded}`
}

function encode(text: string): [encoding: string, encoded: string] {
  if (isPlainText(text) && !hasLongerLines(text, LONGEST_LINE)) return ['7bit', text]
  const foreign = text.replace(/[\n\r\t -\x7f]+/g, '').length
  const letters = text.replace(/[^a-z]+/gi, '').length
  if (foreign < letters) return ['quoted-printable', quotedPrintable.wrap(quotedPrintable.encode(text))]
  return ['base64', base64.wrap(Buffer.from(text).toString('base64'))]
}

/** A written mail as nodemailer's pool of connections asks for it, anew for each attempt. */
class Message {
  readonly #from: string
  readonly #mail: OutgoingMail
  readonly #written: string

  constructor(from: string, mail: OutgoingMail, written: string) {
    this.#from = from
    this.#mail = mail
    this.#written = written
  }

  getEnvelope(): { from: string; to: string[] } {
    return { from: this.#from, to: [this.#mail.to] }
  }

  /** Of the headers the pool asks for this one only, for its log. */
  getHeader(): string {
    return this.#mail.messageId
  }

  messageId(): string {
    return this.#mail.messageId
  }

  createReadStream(): Readable {
    const written = this.#written
    return new Readable({
      read() {
        this.push(written)
        this.push(null)
      }
    })
  }
}
