import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { unseal } from '../../src/keys/seal.ts'
import type { start } from '../helper.ts'

type World = Pick<Awaited<ReturnType<typeof start>>, 'ctx' | 'sql'>
type Json = Record<string, unknown>
export type Jwk = { kty: string; crv: string; x: string; y: string; kid: string; alg: string; use: string }

const encode = (part: Json): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** What a JWT says of itself, without any check. */
export function decode(token: string): { header: Json; claims: Json } {
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header as string), claims: JSON.parse(claims as string) }
}

/** Checks an ES256 signature with a published key, by Node's own cryptography and none of the service's code. */
export function isSignedBy(token: string, keys: readonly Jwk[]): boolean {
  const key = keys.find(({ kid }) => kid === decode(token).header.kid)
  if (key === undefined) return false
  const [header, claims, signature] = token.split('.') as [string, string, string]
  const publicKey = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
  return verify('sha256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))
}

/** A JWT made by hand. @param signature of the text before the second dot */
export function handMade(header: Json, claims: Json, signature: (text: string) => Buffer): string {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${signature(text).toString('base64url')}`
}

export const es256 =
  (key: KeyObject) =>
  (text: string): Buffer =>
    sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })

/** The private signing key, as only somebody with the database and the master key has it. */
export async function privateKeyOf({ ctx, sql }: World, kid: unknown): Promise<KeyObject> {
  const [row] = await sql<{ key_id: string; sealed_private: Buffer }>(
    'select key_id, sealed_private from postern.signing_key where kid = $1',
    [kid]
  )
  const master = ctx.secrets.ring.find(row?.key_id as string)
  if (row === undefined || master === undefined) throw new Error(`no signing key ${kid}`)
  return createPrivateKey(unseal(master, kid as string, row.sealed_private))
}
