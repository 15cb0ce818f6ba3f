import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

/** One derived key per purpose: a MAC made for one is worthless for another. */
const purposes = ['challenge', 'code', 'reference', 'reset', 'refresh', 'device', 'seed', 'address', 'seal'] as const
type Purpose = (typeof purposes)[number]

export type MasterKey = { id: string; idBytes: Buffer; for: Record<Purpose, KeyObject> }

/** The master keys in force: the first makes, all verify. */
export type KeyRing = {
  newest: MasterKey
  find: (id: string) => MasterKey | undefined
  ids: readonly string[]
}

const KEY_ID_BYTES = 4
/** 128 bits: a forger's chance is 2^-128 a try, and every try is an HTTP request. */
const MAC_BYTES = 16

/** Eight hex digits from the start of the key's own digest; it names the key and reveals nothing about it. */
export function keyIdOf(master: Buffer): string {
  return createHash('sha256')
    .update('postern key id')
    .update(master)
    .digest('hex')
    .slice(0, KEY_ID_BYTES * 2)
}

function masterKey(master: Buffer): MasterKey {
  const id = keyIdOf(master)
  const derive = (purpose: Purpose): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', master, '', `postern ${purpose} v1`, 32)))
  const keys = Object.fromEntries(purposes.map((purpose) => [purpose, derive(purpose)])) as MasterKey['for']
  return { id, idBytes: Buffer.from(id, 'hex'), for: keys }
}

/** @param masters 32 bytes each, newest first, at least one */
export function keyRing(masters: readonly Buffer[]): KeyRing {
  const keys = new Map(masters.map(masterKey).map((key) => [key.id, key]))
  const [newest] = keys.values()
  if (newest === undefined) throw new Error('a key ring needs at least one master key')
  return { newest, find: (id) => keys.get(id), ids: [...keys.keys()] }
}

/** HMAC-SHA-256 under one purpose of one key. */
export function mac(key: MasterKey, purpose: Purpose, ...parts: readonly (Buffer | string)[]): Buffer {
  const hmac = createHmac('sha256', key.for[purpose])
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

export type TokenKind = { prefix: string; purpose: Purpose; payloadBytes: number }

/** A token: prefix, then base64url of key id, payload, and a MAC over all of it. */
export function mint(kind: TokenKind, key: MasterKey, payload: Buffer): string {
  const tag = mac(key, kind.purpose, kind.prefix, key.idBytes, payload).subarray(0, MAC_BYTES)
  return kind.prefix + Buffer.concat([key.idBytes, payload, tag]).toString('base64url')
}

/** The bytes of a text that has the form of such a token, genuine or not. */
function bytesOf(kind: TokenKind, token: string): Buffer | undefined {
  if (!token.startsWith(kind.prefix)) return undefined
  const text = token.slice(kind.prefix.length)
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== KEY_ID_BYTES + kind.payloadBytes + MAC_BYTES) return undefined
  return bytes.toString('base64url') === text ? bytes : undefined // the decoder forgives; one token has one spelling
}

/** What a token says of itself, genuine or not: the id of its key, and its payload. Undefined where it has not the form of one. */
export function claimedBy(kind: TokenKind, token: string): { keyId: string; payload: Buffer } | undefined {
  const bytes = bytesOf(kind, token)
  return bytes && { keyId: bytes.toString('hex', 0, KEY_ID_BYTES), payload: bytes.subarray(KEY_ID_BYTES, -MAC_BYTES) }
}

/** What a genuine token of this kind holds; undefined for anything else, whatever it is. */
export function read(kind: TokenKind, ring: KeyRing, token: string): { key: MasterKey; payload: Buffer } | undefined {
  const bytes = bytesOf(kind, token)
  const key = bytes && ring.find(bytes.toString('hex', 0, KEY_ID_BYTES))
  if (bytes === undefined || key === undefined) return undefined
  const payload = bytes.subarray(KEY_ID_BYTES, KEY_ID_BYTES + kind.payloadBytes)
  const tag = mac(key, kind.purpose, kind.prefix, key.idBytes, payload).subarray(0, MAC_BYTES)
  return timingSafeEqual(tag, bytes.subarray(-MAC_BYTES)) ? { key, payload } : undefined
}

export const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest()

/** Compares in a time that reveals only whether the lengths agree. */
export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
