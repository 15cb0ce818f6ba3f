import { type Address, parseAddress } from '../lib/email.ts'
import { Problem } from '../problems.ts'

/** Reads an address as a person typed it. Refuses with `invalid-request`. */
export function addressOf(email: string): Address {
  const address = parseAddress(email)
  if (address === undefined) {
    const errors = [{ pointer: '/email', detail: 'must be one plain email address of at most 254 characters' }]
    throw new Problem('invalid-request', { errors })
  }
  return address
}
