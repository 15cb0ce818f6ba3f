import { type ParsedHash, parseHash, type Refusal } from './hash-format.ts'

/** In place of a pepper's id where there is none. */
export const UNPEPPERED = '-'

/** A stored hash; `pepper` is there when we made it, so that what was hashed is not the password itself. */
export type Stored = { pepper: string | undefined; parsed: ParsedHash }

const OURS = /^\$postern\$v=1\$k=(-|[0-9a-f]{8})(?=\$)/

/** How we store: our version and the pepper's id, then scheme, cost, salt and digest as everybody writes them. */
export const envelope = (pepper: string, inner: string): string => `$postern$v=1$k=${pepper}${inner}`

export function readStored(stored: string): Stored | Refusal {
  const ours = OURS.exec(stored)
  const parsed = parseHash(ours === null ? stored : stored.slice(ours[0].length))
  return typeof parsed === 'string' ? parsed : { pepper: ours?.[1], parsed }
}
