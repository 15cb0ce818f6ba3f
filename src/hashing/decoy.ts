import { createHash } from 'node:crypto'
import { DIGEST_BYTES, type HashParameters } from './compute.ts'

/** Hashes that cost the same: the part before salt and digest, the length of the digest, and how many there are beside the other kinds. */
export type Kind = { start: string; length: number; count: number }

const nameOf = ({ start, length }: Kind): string => `${length} ${start}`

/** Characters behind the cost of a bcrypt hash: 22 of salt, 31 of digest. */
const BCRYPT_LENGTH = 53
/** Characters of an argon2id digest, which is base64 without padding. */
const ARGON2_LENGTH = Math.ceil((DIGEST_BYTES * 4) / 3)

/** What a kind is counted against, once its share is held. */
const WHOLE = 1_000_000
/** A share is held until it has changed by this part of it: by more than a sample of some hundred pages shows where nothing has changed. */
const SLACK = 0.25

/**
 * The mix that decoys are drawn from: of each kind that was found, the share that is held, or what was found where it has changed
 * by a quarter or the kind is new. Otherwise every few sign-ups would move some decoys there and back, which no member's hash does.
 *
 * @param held what an earlier call gave, by whichever instance; kept where nothing was found
 */
export function heldMix(held: readonly Kind[], found: readonly Kind[]): readonly Kind[] {
  if (found.length === 0) return held
  const all = found.reduce((sum, { count }) => sum + count, 0)
  const mix = found.map((kind): Kind => {
    const before = held.find((each) => nameOf(each) === nameOf(kind))
    const count = Math.ceil((WHOLE * kind.count) / all)
    return before !== undefined && Math.abs(count - before.count) < SLACK * before.count ? before : { ...kind, count }
  })
  return mix.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

/** The kind of hash that is made now. @param start what it begins with */
export const kindOf = (parameters: HashParameters, start: string): Kind => ({
  start,
  length: parameters.scheme === 'bcrypt' ? BCRYPT_LENGTH : ARGON2_LENGTH,
  count: 1
})

/**
 * Draws a kind, as likely as it is among the stored ones, and makes up a hash of it.
 * Drawn by weighted rendezvous: when people move from one kind to another, so do as many decoys, and no others.
 */
export function decoyOf(kinds: readonly Kind[], mac: Buffer): string {
  const score = (kind: Kind): number => {
    const drawn = createHash('sha256').update(mac).update(nameOf(kind)).digest().readUIntBE(0, 6)
    return -Math.log((drawn + 1) / (2 ** 48 + 1)) / kind.count
  }
  const scored = kinds.map((kind) => ({ kind, score: score(kind) }))
  const { kind } = scored.reduce((least, each) => (each.score < least.score ? each : least))
  const filler = createHash('shake256', { outputLength: 256 }).update(mac).digest('base64').replaceAll('+', '.')
  const digest = filler.slice(32, 32 + kind.length)
  return /\$2[aby]\$\d\d\$$/.test(kind.start) ? kind.start + digest : `${kind.start}${filler.slice(0, 22)}$${digest}`
}
