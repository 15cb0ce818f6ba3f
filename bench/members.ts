import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { type HashParameters, perform } from '../src/hashing/compute.ts'
import { envelope, UNPEPPERED } from '../src/hashing/stored.ts'
import { newId } from '../src/lib/identifier.ts'
import { newAddress } from './side.ts'

export const schemes = ['bcrypt', 'argon2id'] as const
export type Scheme = (typeof schemes)[number]

/** What the service hashes with as it comes. */
const makings: Record<Scheme, HashParameters> = {
  bcrypt: { scheme: 'bcrypt', cost: 10 },
  argon2id: { scheme: 'argon2id' }
}

export const PASSWORD = 'only the bench knows this'
/** What the service, without a pepper, gives to a hash in the password's place. */
export const SECRET = createHash('sha384').update(PASSWORD).digest('base64')

/** One hash for all: a check takes the same time whosever it is. */
export const hashBy = (scheme: Scheme): string => perform({ make: makings[scheme], secret: SECRET }) as string

/** Accounts with a password, each known by its address. Many of them, so that nobody meets a guard of one account. */
export async function makeMembers(pool: Pool, count: number, scheme: Scheme): Promise<string[]> {
  const emails = Array.from({ length: count }, newAddress)
  await pool.query(
    `insert into postern."user" (id, email, email_key, email_verified_at, password_hash, locale)
     select id, email, email, now(), $3, 'en' from unnest($1::uuid[], $2::text[]) as made (id, email)`,
    [emails.map(() => newId()), emails, envelope(UNPEPPERED, hashBy(scheme))]
  )
  return emails
}
