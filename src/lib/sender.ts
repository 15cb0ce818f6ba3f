import addressparser from 'nodemailer/lib/addressparser'
import { parseAddress } from './email.ts'

export type Sender = { name: string; address: string }

/** Allows a host that is not a mail domain, such as `127.0.0.1`: the default takes PUBLIC_URL's, whatever it is. */
const ANY_HOST = /^[a-z0-9._-]+@(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/i

/** Whom mails come from, of `address` or `Name <address>` as mail servers read it; undefined when that is not one address. */
export function readSender(from: string, { anyHost = false } = {}): Sender | undefined {
  if (/\p{C}/u.test(from)) return undefined
  const [sender, ...others] = addressparser(from)
  if (sender === undefined || !sender.address || others.length > 0) return undefined
  const local = /^[a-z0-9._-]+@localhost$/i.test(sender.address) // for development
  const address =
    local || (anyHost && ANY_HOST.test(sender.address)) ? sender.address : parseAddress(sender.address)?.spelling
  return address === undefined ? undefined : { name: sender.name, address }
}
