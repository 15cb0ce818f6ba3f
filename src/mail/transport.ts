import type MailMessage from 'nodemailer/lib/mailer/mail-message'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import SMTPPool, { type SMTPPoolSentMessageInfo } from 'nodemailer/lib/smtp-pool'
import { parseAddress } from '../lib/email.ts'
import { readSender } from '../lib/sender.ts'
import { milliseconds } from '../lib/time.ts'
import { composer, type OutgoingMail } from './message.ts'

/** `refused` is for good, `deferred` may go next time; `answer` is the server's last, one line of at most 300 characters. */
export type Delivery = { outcome: 'sent' | 'refused' | 'deferred'; answer: string }

export type Transport = {
  /** The most that are open at once; without it any number of mails may be under way. */
  connections?: number
  /** Never throws. */
  send: (mail: OutgoingMail) => Promise<Delivery>
  /** Ends idle connections at once, and waits for the mails underway. */
  close: () => Promise<void>
}

type Failure = Error & { code?: string; permanent?: boolean; response?: string; responseCode?: number }

// RFC 4954: the server wants us to authenticate again. That says nothing about the recipient.
const ABOUT_OUR_SIGN_IN = new Set([530, 534, 535, 538])

/**
 * Sends over a pool of SMTP connections. Options in the URL's query are nodemailer's, those of `SMTP_OPTIONS` (`?requireTLS=true`,
 * `?name=…`); certificates are verified.
 *
 * @param options.connections the most that are open at once, unless the URL asks for fewer
 * @param options.deadline seconds a send may take in all, waiting for a free connection included
 */
export function smtpTransport(options: {
  url: string
  from: string
  connections: number
  deadline: number
}): Transport {
  const sender = readSender(options.from, { anyHost: true }) // an operator's value was checked with the settings
  if (sender === undefined) throw new Error(`MAIL_FROM must be one address: ${options.from}`)
  const deadline = milliseconds(options.deadline)
  const pool = new SMTPPool({
    maxConnections: options.connections,
    ...parseConnectionUrl(options.url),
    // From here on our options override the URL's: its `logger` would write codes to the log.
    logger: false,
    maxRequeues: 2, // a connection that went stale while idle; everything else is the courier's to repeat
    // A little before the deadline, so that the answer says what timed out; a silent socket says least.
    connectionTimeout: deadline * 0.8,
    greetingTimeout: deadline * 0.8,
    dnsTimeout: deadline * 0.8,
    socketTimeout: deadline * 0.9,
    // A firewall drops idle connections silently, and the next code would have to wait for a timeout: close them first.
    idleTimeout: deadline * 0.4,
    socketCloseTimeout: milliseconds(1)
  })
  const compose = composer(sender)
  // Past nodemailer's mailer, which would compose the mail.
  const handOver = (mail: object): Promise<SMTPPoolSentMessageInfo> =>
    new Promise((resolve, reject) => {
      pool.send(mail as MailMessage<SMTPPoolSentMessageInfo>, (error, info) =>
        info === undefined ? reject(error) : resolve(info)
      )
    })
  const underway = new Set<Promise<Delivery>>()

  const attempt = async (mail: OutgoingMail, signal: AbortSignal): Promise<Delivery> => {
    try {
      const { response } = await handOver({ message: compose(mail), data: { signal } })
      return { outcome: 'sent', answer: asAnswer(response, mail) }
    } catch (error) {
      return judge(error as Failure, mail)
    }
  }

  const send = async (mail: OutgoingMail): Promise<Delivery> => {
    // Checked here because what goes into a header and an envelope must be one plain address, whoever stored it.
    const to = parseAddress(mail.to)?.spelling
    if (to === undefined) return { outcome: 'refused', answer: 'not an address that mail can go to' }
    const late = Promise.withResolvers<Delivery>()
    const giveUp = new AbortController()
    const timer = setTimeout(() => {
      late.resolve({ outcome: 'deferred', answer: `not done within ${options.deadline} s` })
      giveUp.abort() // closes the connection, which frees its place in the pool
    }, deadline)
    try {
      return await Promise.race([attempt({ ...mail, to }, giveUp.signal), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    connections: Number(pool.options.maxConnections),
    send: (mail) => {
      const sending = send(mail).finally(() => underway.delete(sending))
      underway.add(sending)
      return sending
    },
    close: async () => {
      pool.close()
      await Promise.all(underway)
    }
  }
}

/** Only an answer about the sender, the recipient or the mail itself is a refusal; the rest is our trouble or the server's. */
function judge(failure: Failure, mail: OutgoingMail): Delivery {
  const ofThisMail = failure.code === 'EENVELOPE' || failure.code === 'EMESSAGE'
  const refused = ofThisMail && failure.permanent === true && !ABOUT_OUR_SIGN_IN.has(failure.responseCode ?? 0)
  return { outcome: refused ? 'refused' : 'deferred', answer: asAnswer(failure.response ?? failure.message, mail) }
}

/** A token of ours, or the part of one that a quote left over. Not every name with an underscore: those of OpenSSL say what is wrong. */
const TOKEN = /\b(chl|rst|rfr|dev)_[\w-]{8,}/g
/** A piece of a text that travels as base64; queue ids of mail servers are shorter, or in pieces. */
const BASE64 = /[a-z0-9+/]{28,}={0,2}/gi

/**
 * Some servers quote what they refuse. Lines and long words of the mail are removed, and anything that looks like a token, so
 * that the ledger never holds a code or a link. A quote may show the mail as it was sent, with long lines broken
 * (quoted-printable), or as base64.
 */
function asAnswer(said: string, mail: OutgoingMail): string {
  const lines = mail.text.split('\n').map((line) => line.trim())
  const travelling =
    Buffer.from(mail.text)
      .toString('base64')
      .match(/.{6,76}/g) ?? []
  const quotable = [...lines.filter((line) => line.length >= 6), ...(mail.text.match(/\S{16,}/g) ?? []), ...travelling]
  const cleaned = (text: string): string =>
    quotable
      .reduce((rest, quote) => rest.replaceAll(quote, '…'), text)
      .replace(TOKEN, '…')
      .replace(BASE64, '…')
  const mended = said.replace(/=\s+/g, '').replaceAll('=3D', '=')
  return (cleaned(mended) === mended ? cleaned(said) : cleaned(mended))
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 300)
    .toWellFormed()
}
