import { secretsOf } from '../src/keys/secrets.ts'
import { newId } from '../src/lib/identifier.ts'
import type { Child } from './children.ts'
import type { Step } from './load.ts'
import { makeMembers, PASSWORD, type Scheme } from './members.ts'
import { ring } from './side.ts'
import type { World } from './world.ts'

const MEMBERS = 10_000
const NEW_PASSWORD = 'another that the bench knows'

/** What members do with their passwords at one instance of the service. */
export type PasswordSide = { server: Child; scheme: Scheme; emails: readonly string[]; password: Step; reset: Step }

/** @param server an instance of the service that hashes by the scheme */
export async function passwordSide({ pool, secretKey }: World, server: Child, scheme: Scheme): Promise<PasswordSide> {
  const secrets = secretsOf([Buffer.from(secretKey, 'base64url')])
  const keyId = secrets.ring.newest.id
  const emails = await makeMembers(pool, MEMBERS, scheme)
  // Links for others, whose password and sessions may change.
  const owners = await makeMembers(pool, MEMBERS, scheme)
  const ids = owners.map(() => newId())
  await pool.query(
    `insert into postern.password_reset (id, email, email_key, budget_key, expires_at, key_id)
     select id, email, email, budget, now() + interval '1 day', $4
     from unnest($1::uuid[], $2::text[], $3::bytea[]) as made (id, email, budget)`,
    [ids, owners, owners.map((email) => secrets.addressMac(email)), keyId]
  )
  const nextMember = ring(MEMBERS)
  return {
    server,
    scheme,
    emails,
    password: async (send) => {
      await send('POST', '/v1/login', { email: emails[nextMember()], password: PASSWORD })
      return true
    },
    reset: async (send) => {
      const id = ids.pop()
      if (id === undefined) return false
      await send('POST', '/v1/password/reset', { token: secrets.resetToken({ keyId, id }), password: NEW_PASSWORD })
      return true
    }
  }
}
