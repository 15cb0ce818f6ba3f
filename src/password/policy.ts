import type { Context } from '../context.ts'
import { isCommonPassword } from '../lib/common-passwords.ts'
import { domainOf } from '../lib/email.ts'
import { repeatedPart } from '../lib/repetition.ts'
import { type PasswordReason, Problem } from '../problems.ts'
import { isBreached } from './breach.ts'

/** More than anybody remembers or pastes, and too little to slow hashing down. */
const MOST_BYTES = 1024
/**
 * UTF-16 units that can be composed (NFC) to so many bytes, and more: a letter with two marks makes two bytes of three. Beyond it
 * nothing is composed, because marks in the wrong order are sorted one by one: 8,000 of them hold up all requests for tens of milliseconds.
 */
const MOST_UNITS = 2 * MOST_BYTES
/** Letters and digits that must be the person's own when the rest is the address or the brand (NIST's least length). */
const LEAST_OF_ONES_OWN = 8
/** Shorter pieces of an address occur in other words by chance. */
const SHORTEST_PIECE = 3

/**
 * Judges a password that somebody wants to set, for every route that sets one. Refuses with `password-refused`.
 * No rules about which characters it is made of (NIST SP 800-63B-4 3.1.1.2). What is measured is what is hashed: the NFC form.
 */
export async function requireGoodPassword(ctx: Context, password: string, email: string): Promise<void> {
  const reason = password.length > MOST_UNITS ? 'too_long' : await faultOf(ctx, password.normalize('NFC'), email)
  if (reason === undefined) return
  const least = ctx.config.PASSWORD_MIN_LENGTH
  throw new Problem('password-refused', {
    reason,
    ...(reason === 'too_short' && { minLength: least, detail: `It must have at least ${least} characters.` }),
    ...(reason === 'too_long' && { detail: `It must have at most ${MOST_BYTES} bytes.` })
  })
}

async function faultOf(ctx: Context, password: string, email: string): Promise<PasswordReason | undefined> {
  if ([...password].length < ctx.config.PASSWORD_MIN_LENGTH) return 'too_short'
  if (Buffer.byteLength(password) > MOST_BYTES) return 'too_long'
  if (repeatedPart(password.toLowerCase()).length <= SHORTEST_PIECE) return 'common' // a handful of keys
  if (await isGuessedFirst(plainOf(password))) return 'common'
  if (isPersonal(password, [...piecesOf(email), ctx.config.BRAND_NAME])) return 'personal'
  return (await isBreached(ctx, password)) ? 'breached' : undefined
}

/** A common password repeated until it is long enough is just as common. */
const isGuessedFirst = async (password: string): Promise<boolean> =>
  (await isCommonPassword(password)) || (await isCommonPassword(repeatedPart(password)))

const piecesOf = (email: string): string[] => [
  email,
  email.slice(0, email.lastIndexOf('@')),
  domainOf(email),
  ...email.split(/[^\p{L}\p{N}]+/u)
]

/** Small letters without marks, and of all the forms a letter has the usual one: `Ｐäß` is read as `paß`. What is hashed stays as typed. */
const plainOf = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

const bare = (text: string): string => plainOf(text).replace(/[^\p{L}\p{N}]/gu, '')

/** Whether little remains of a password without the pieces that anybody can look up. */
function isPersonal(password: string, pieces: readonly string[]): boolean {
  const whole = bare(password)
  const longestFirst = pieces
    .map(bare)
    .filter((piece) => piece.length >= SHORTEST_PIECE)
    .sort((one, other) => other.length - one.length)
  const left = longestFirst.reduce((text, piece) => text.replaceAll(piece, ''), whole)
  return left !== whole && left.length < LEAST_OF_ONES_OWN
}
