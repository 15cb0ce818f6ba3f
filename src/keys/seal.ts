import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MasterKey } from '../lib/capability.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** AES-256-GCM under a master key's sealing key: nonce, ciphertext, tag. The label cannot be exchanged unnoticed. */
export function seal(key: MasterKey, label: string, plain: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.for.seal, nonce).setAAD(Buffer.from(label))
  return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Throws when the box was sealed by another key, under another label, or was changed. */
export function unseal(key: MasterKey, label: string, box: Buffer): string {
  const decipher = createDecipheriv('aes-256-gcm', key.for.seal, box.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES
  })
  decipher.setAAD(Buffer.from(label)).setAuthTag(box.subarray(-TAG_BYTES))
  return decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
}
