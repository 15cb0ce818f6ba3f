import { generateKeyPairSync } from 'node:crypto'
import type { Config } from '../config.ts'
import { transaction } from '../db/statement.ts'
import type { Db, Tx } from '../db/tables.ts'
import { sha256 } from '../lib/capability.ts'
import { MINUTE } from '../lib/time.ts'
import { seal, unseal } from './seal.ts'
import type { Secrets } from './secrets.ts'
import {
  findSigningKeys,
  insertSigningKey,
  lockSigningKeys,
  resealSigningKey,
  retireSigningKeysExcept,
  type SigningKeyRow
} from './store.ts'

/** Seconds a client may keep the JWKS; a new key is published for so long before it signs. */
export const JWKS_MAX_AGE = 5 * MINUTE

/** @param activatesIn seconds until it signs; it verifies and is published at once */
export async function makeSigningKey(tx: Tx, secrets: Secrets, activatesIn: number): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const kid = sha256(JSON.stringify({ crv, kty, x, y })).toString('base64url') // RFC 7638 thumbprint
  await insertSigningKey(tx, {
    kid,
    publicJwk: JSON.stringify({ kty, crv, x, y }),
    sealedPrivate: seal(secrets.ring.newest, kid, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    keyId: secrets.ring.newest.id,
    activatesIn
  })
  return kid
}

/** Reseals with the newest master key what older ones sealed, so that those can be retired. */
export async function resealSigningKeys(tx: Tx, secrets: Secrets, rows: readonly SigningKeyRow[]): Promise<void> {
  for (const row of rows) {
    const master = secrets.ring.find(row.keyId)
    if (master === undefined || master.id === secrets.ring.newest.id) continue
    const pem = unseal(master, row.kid, row.sealedPrivate)
    await resealSigningKey(tx, {
      kid: row.kid,
      sealedPrivate: seal(secrets.ring.newest, row.kid, pem),
      keyId: secrets.ring.newest.id
    })
  }
}

/** Seconds: the new key is published for `publish` before it signs; the old ones verify for `verify` after that. */
type Overlap = { publish: number; verify: number }

/** In which nobody notices: a minute more than a token lives, because an instance signs with the old key until it looks again. */
export const overlapOf = ({ ACCESS_TOKEN_TTL }: Pick<Config, 'ACCESS_TOKEN_TTL'>): Overlap => ({
  publish: JWKS_MAX_AGE,
  verify: ACCESS_TOKEN_TTL + MINUTE
})

/** Starts using a new signing key, and lets the others expire. */
export async function rotateSigningKeys(db: Db, secrets: Secrets, overlap: Overlap): Promise<string> {
  return await transaction(db, async (tx) => {
    await lockSigningKeys(tx, {})
    return await replaceSigningKeys(tx, secrets, overlap)
  })
}

/**
 * As `rotateSigningKeys`, when no key is younger than `age` seconds; undefined when one is. However many ask, one is made; and none
 * by an instance that lacks the master key of another: its peers, in turn, are likely to lack the one that it would seal with.
 */
export async function rotateAgedSigningKeys(
  db: Db,
  secrets: Secrets,
  overlap: Overlap,
  age: number
): Promise<string | undefined> {
  return await transaction(db, async (tx) => {
    await lockSigningKeys(tx, {})
    const rows = await findSigningKeys(tx, {})
    const isForeign = rows.some((row) => !secrets.knows(row.keyId))
    if (isForeign || rows.some((row) => row.age < age)) return undefined
    return await replaceSigningKeys(tx, secrets, overlap)
  })
}

async function replaceSigningKeys(tx: Tx, secrets: Secrets, { publish, verify }: Overlap): Promise<string> {
  const kid = await makeSigningKey(tx, secrets, publish)
  await retireSigningKeysExcept(tx, { kid, retiresIn: publish + verify })
  return kid
}
