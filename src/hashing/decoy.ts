import { createHash } from 'node:crypto'
import type { HashParameters } from './compute.ts'

/** Hashes that cost the same: the part before salt and digest, the length of the digest, and how many there are. */
export type Kind = { start: string; length: number; count: number }

/** Characters behind the cost of a bcrypt hash: 22 of salt, 31 of digest. */
const BCRYPT_LENGTH = 53

/** The kind of hash that is made now. @param start what it begins with */
export const kindOf = (parameters: HashParameters, start: string): Kind => ({
  start,
  length: parameters.scheme === 'bcrypt' ? BCRYPT_LENGTH : 43,
  count: 1
})

/**
 * Draws a kind, as likely as it is among the stored ones, and makes up a hash of it.
 * Drawn by weighted rendezvous: when people move from one kind to another, so do as many decoys, and no others.
 */
export function decoyOf(kinds: readonly Kind[], mac: Buffer): string {
  const score = ({ start, length, count }: Kind): number => {
    const drawn = createHash('sha256').update(mac).update(`${length} ${start}`).digest().readUIntBE(0, 6)
    return -Math.log((drawn + 1) / (2 ** 48 + 1)) / count
  }
  const scored = kinds.map((kind) => ({ kind, score: score(kind) }))
  const { kind } = scored.reduce((least, each) => (each.score < least.score ? each : least))
  const filler = createHash('shake256', { outputLength: 256 }).update(mac).digest('base64').replaceAll('+', '.')
  const digest = filler.slice(32, 32 + kind.length)
  return /\$2[aby]\$\d\d\$$/.test(kind.start) ? kind.start + digest : `${kind.start}${filler.slice(0, 22)}$${digest}`
}
