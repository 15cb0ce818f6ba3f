import { domainToASCII } from 'node:url'

/** `spelling` is what mail is sent to; `key` is what accounts and budgets are found by. */
export type Address = { spelling: string; key: string }

const MAX_BYTES = 254
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
/** Letters, digits and single hyphens, and no number at the end: the A-label of such a domain is its lower case. */
const PLAIN_DOMAIN = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]+$/i
const TYPED_DOMAIN = /^[\p{L}\p{M}\p{N}.\-\u3002\uff0e\uff61]+$/u
const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Reads one plain addr-spec (RFC 5321, at most 254 bytes); undefined when it is none.
 * The key is lower case with the domain as A-label. Dots and plus tags stay: only the mailbox's own server knows what they mean.
 */
export function parseAddress(typed: string): Address | undefined {
  const address = normalise(typed)
  if (address === undefined || address.key === typed) return address // a second pass would do what the first did: nothing
  const again = normalise(address.key)
  return again?.key === address.key ? address : undefined // a second pass changes it: somebody is playing with look-alikes
}

function normalise(typed: string): Address | undefined {
  const text = typed.trim().normalize('NFC')
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const typedDomain = text.slice(at + 1)
  if (at < 1 || local.length > 64 || !LOCAL.test(local) || !TYPED_DOMAIN.test(typedDomain)) return undefined
  const domain = PLAIN_DOMAIN.test(typedDomain) ? typedDomain.toLowerCase() : domainToASCII(typedDomain)
  const spelling = `${local}@${domain}`
  if (!DOMAIN.test(domain) || spelling.length > MAX_BYTES) return undefined
  return { spelling, key: spelling.toLowerCase() }
}

/** `maya@example.com` as `m•••@example.com`: for logs, and for showing an address to the holder of a link. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, 1)}•••${address.slice(at)}`
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase()
