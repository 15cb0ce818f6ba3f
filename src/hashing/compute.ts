import { argon2Sync, createCipheriv, pbkdf2Sync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'
import type { ParsedHash } from './hash-format.ts'

/** How a new hash is made. */
export type HashParameters = { scheme: 'bcrypt'; cost: number } | { scheme: 'argon2id' }

export type Task = { make: HashParameters; secret: string } | { check: ParsedHash; secrets: readonly string[] }

/** OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const ARGON2 = { memory: 19 * 1024, passes: 2, lanes: 1 }
const SALT_BYTES = 16
export const DIGEST_BYTES = 32

/** What a new hash begins with: scheme and cost, up to the salt. */
export function prefixOf(parameters: HashParameters): string {
  if (parameters.scheme === 'bcrypt') return `$2b$${String(parameters.cost).padStart(2, '0')}$`
  return `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.lanes}$`
}

/** Does the slow part, on the thread that calls it. */
export function perform(task: Task): string | boolean {
  if ('make' in task) return make(task.make, task.secret)
  return task.secrets.some((secret) => matches(task.check, secret))
}

function make(parameters: HashParameters, secret: string): string {
  if (parameters.scheme === 'bcrypt') return bcrypt.hashSync(secret, parameters.cost)
  const salt = randomBytes(SALT_BYTES)
  const digest = argon2('argon2id', secret, { ...ARGON2, salt, bytes: DIGEST_BYTES })
  return `${prefixOf(parameters)}${base64(salt)}$${base64(digest)}`
}

/** Members of a parsed hash come over from another thread, where a Buffer has become a Uint8Array. */
function matches(parsed: ParsedHash, secret: string): boolean {
  if (parsed.scheme === 'bcrypt') return bcrypt.compareSync(secret, parsed.hash)
  const bytes = parsed.digest.length
  if (parsed.scheme === 'pbkdf2')
    return timingSafeEqual(pbkdf2Sync(secret, parsed.salt, parsed.iterations, bytes, parsed.hash), parsed.digest)
  if (parsed.scheme === 'scrypt') return timingSafeEqual(scrypt(parsed, secret, bytes), parsed.digest)
  if (parsed.scheme === 'fbscrypt') return timingSafeEqual(firebase(parsed, secret), parsed.digest)
  return timingSafeEqual(argon2(parsed.scheme, secret, { ...parsed, bytes }), parsed.digest)
}

type Argon2Cost = { memory: number; passes: number; lanes: number; salt: Uint8Array; bytes: number }

const argon2 = (scheme: 'argon2i' | 'argon2id', secret: string, cost: Argon2Cost): Buffer =>
  argon2Sync(scheme, {
    message: secret,
    nonce: cost.salt,
    parallelism: cost.lanes,
    tagLength: cost.bytes,
    memory: cost.memory,
    passes: cost.passes
  })

function scrypt(parsed: Extract<ParsedHash, { blocks: number }>, secret: string, bytes: number): Buffer {
  const { cost: N, blocks: r, lanes: p } = parsed
  return scryptSync(secret, parsed.salt, bytes, { N, r, p, maxmem: 256 * (N + p) * r })
}

/** Firebase's variant: the derived key encrypts the project's signer key, and the result is the hash. */
function firebase(parsed: Extract<ParsedHash, { scheme: 'fbscrypt' }>, secret: string): Buffer {
  const cipher = createCipheriv('aes-256-ctr', scrypt(parsed, secret, 32), Buffer.alloc(16))
  return Buffer.concat([cipher.update(parsed.signer), cipher.final()])
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
