import { type MasterKey, mac } from './capability.ts'
import { idToBytes } from './identifier.ts'

export type CodeAlphabet = 'digits' | 'base32'
/** How a code looks; part of the challenge's MAC, so nobody can ask for a shorter one. */
export type CodeForm = { length: number; alphabet: CodeAlphabet }

/** Crockford's base 32: no I, L, O, U, so that nothing is misread. */
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Consonants that no one mistakes for one another; four of them never spell a word. */
const REFERENCE = 'BCDFGHJKMNPQRSTVWXZ'

export const formBytes = (form: CodeForm): Buffer => Buffer.from([form.length, form.alphabet === 'digits' ? 0 : 1])

export const formFromBytes = (bytes: Buffer): CodeForm => ({
  length: bytes[0] as number,
  alphabet: bytes[1] === 0 ? 'digits' : 'base32'
})

/**
 * The code mailed for a challenge: always the same for the same challenge, so a resend sends what was sent.
 * Digits are the remainder of a 256-bit number, which is uniform to within 2^-220; base 32 takes five bits a character.
 *
 * @param form 6 digits is about 20 bits, safe only with a try limit (NIST SP 800-63B-4, 3.1.3.2); 13 of base 32 are 65 bits
 */
export function codeOf(key: MasterKey, id: string, form: CodeForm): string {
  const bytes = mac(key, 'code', idToBytes(id), formBytes(form))
  if (form.alphabet === 'base32') return letters(bytes.subarray(0, form.length), BASE32)
  return (BigInt(`0x${bytes.toString('hex')}`) % 10n ** BigInt(form.length)).toString().padStart(form.length, '0')
}

/** Four letters in both the answer and the mail, so that two codes in one mailbox can be told apart. */
export const referenceOf = (key: MasterKey, id: string): string =>
  letters(mac(key, 'reference', idToBytes(id)).subarray(0, 4), REFERENCE)

const letters = (bytes: Buffer, alphabet: string): string =>
  Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('')

/** White space, dashes of every kind, and the invisible characters that copying from a mail brings along. */
const NOISE = /[\s\p{Pd}\u2212\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu
/** The digits of Arabic and Persian keyboards: ten in a row, from a multiple of 16. */
const FOREIGN_DIGIT = /[\u0660-\u0669\u06f0-\u06f9]/g

const western = (digit: string): string => String(digit.charCodeAt(0) % 16)

/** What a person meant by what they typed or pasted; empty when there was nothing in it. */
export function tidyCode(given: string, alphabet: CodeAlphabet): string {
  const plain = given.normalize('NFKC').replace(NOISE, '').replace(FOREIGN_DIGIT, western).toUpperCase()
  return alphabet === 'base32' ? plain.replace(/O/g, '0').replace(/[IL]/g, '1') : plain
}
