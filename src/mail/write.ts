import type { Writable } from 'node:stream'
import * as base64 from 'nodemailer/lib/base64'
import type MimeNode from 'nodemailer/lib/mime-node'
import * as quotedPrintable from 'nodemailer/lib/qp'

/**
 * Writes a message that consists only of texts in one piece. Nodemailer writes each part through several streams, which costs
 * more than everything else that is done for a mail; the parts, their headers and their encodings are still its own.
 */
export function writeAtOnce(message: MimeNode): void {
  if (!holdsTexts(message)) return // a picture that a template brings along
  message.stream = (output: Writable, _options: unknown, done: (error?: Error) => void) => {
    try {
      output.write(written(message))
      done()
    } catch (error) {
      done(error as Error)
    }
  }
}

const holdsTexts = ({ content, childNodes }: MimeNode): boolean =>
  typeof content === 'string' || (content === undefined && childNodes.every(holdsTexts))

/** A message as it travels (RFC 5322, RFC 2045), but for the dots that SMTP wants doubled. */
function written(node: MimeNode): string {
  const head = `${node.buildHeaders()}\r\n\r\n`
  if (!node.multipart) return head + bodyOf(node)
  const parts = node.childNodes.map((child) => `--${node.boundary}\r\n${written(child)}\r\n`)
  return `${head}${parts.join('')}--${node.boundary}--\r\n`
}

function bodyOf(node: MimeNode): string {
  const content = node.content as string
  const encoding = node.getTransferEncoding()
  if (encoding === 'quoted-printable') return quotedPrintable.wrap(quotedPrintable.encode(content))
  return encoding === 'base64' ? base64.wrap(Buffer.from(content).toString('base64')) : content
}
