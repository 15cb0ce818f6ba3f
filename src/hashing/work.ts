import { argon2Sync, createCipheriv, pbkdf2Sync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'
import type { Form } from './form.ts'

/** How a new hash is made. */
export type Making = { scheme: 'bcrypt'; cost: number } | { scheme: 'argon2id' }

export type Task = { make: Making; secret: string } | { check: Form; secrets: readonly string[] }

/** OWASP's smallest advice for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const ARGON2 = { memory: 19 * 1024, passes: 2, lanes: 1 }
const SALT_BYTES = 16
const DIGEST_BYTES = 32

/** What a new hash begins with: scheme and cost, up to the salt. */
export function prefixOf(making: Making): string {
  if (making.scheme === 'bcrypt') return `$2b$${String(making.cost).padStart(2, '0')}$`
  return `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.lanes}$`
}

/** Does the slow part, on the thread that calls it. */
export function perform(task: Task): string | boolean {
  if ('make' in task) return make(task.make, task.secret)
  return task.secrets.some((secret) => matches(task.check, secret))
}

function make(making: Making, secret: string): string {
  if (making.scheme === 'bcrypt') return bcrypt.hashSync(secret, making.cost)
  const salt = randomBytes(SALT_BYTES)
  const digest = argon2('argon2id', secret, { ...ARGON2, salt, bytes: DIGEST_BYTES })
  return `${prefixOf(making)}${base64(salt)}$${base64(digest)}`
}

/** Members of a form come over from another thread, where a Buffer has become a Uint8Array. */
function matches(form: Form, secret: string): boolean {
  if (form.scheme === 'bcrypt') return bcrypt.compareSync(secret, form.hash)
  const bytes = form.digest.length
  if (form.scheme === 'pbkdf2')
    return timingSafeEqual(pbkdf2Sync(secret, form.salt, form.iterations, bytes, form.hash), form.digest)
  if (form.scheme === 'scrypt') return timingSafeEqual(scrypt(form, secret, bytes), form.digest)
  if (form.scheme === 'fbscrypt') return timingSafeEqual(firebase(form, secret), form.digest)
  return timingSafeEqual(argon2(form.scheme, secret, { ...form, bytes }), form.digest)
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

function scrypt(form: Extract<Form, { blocks: number }>, secret: string, bytes: number): Buffer {
  const { cost: N, blocks: r, lanes: p } = form
  return scryptSync(secret, form.salt, bytes, { N, r, p, maxmem: 256 * (N + p) * r })
}

/** Firebase's own turn: the derived key encrypts the project's signer key, and that is the hash. */
function firebase(form: Extract<Form, { scheme: 'fbscrypt' }>, secret: string): Buffer {
  const cipher = createCipheriv('aes-256-ctr', scrypt(form, secret, 32), Buffer.alloc(16))
  return Buffer.concat([cipher.update(form.signer), cipher.final()])
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
