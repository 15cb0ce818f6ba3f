import { connect } from '../src/db/connect.ts'
import { secretsOf } from '../src/keys/secrets.ts'
import { SigningKeys } from '../src/keys/signing.ts'
import { newId } from '../src/lib/identifier.ts'
import { HOUR } from '../src/lib/time.ts'
import type { Send } from './load.ts'
import { makeMembers } from './members.ts'
import { newAddress, ring, type Side } from './side.ts'
import { ISSUER, type World } from './world.ts'

type Attempt = { challenge: string; code: string }
/** @property loginAs a whole login by code; see the row of that name */
export type OurSide = Side & { loginAs: (send: Send, email: string) => Promise<void> }

/** The service, over its contract. Challenges and sessions that a row uses up are written by SQL ahead of it. */
export async function ourSide({ pool, databaseUrl, secretKey, service, sink }: World, users: number): Promise<OurSide> {
  const secrets = secretsOf([Buffer.from(secretKey, 'base64url')])
  const keyId = secrets.ring.newest.id
  const attempts: Attempt[] = []
  const forgetful: string[] = []

  async function makeChallenges(count: number): Promise<void> {
    const made = Array.from({ length: count }, () => ({ id: newId(), email: newAddress() }))
    const ids = made.map(({ id }) => id)
    const emails = made.map(({ email }) => email)
    const budgets = emails.map((email) => secrets.addressMac(email))
    await pool.query(
      `with charged as (
         insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge)
         select budget, 3, now(), 6, 3 from unnest($2::bytea[]) as made (budget))
       insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged,
         tries_left, sends, sent_at, expires_at, key_id)
       select id, 'sign_in', email, email, budget, 6, 'digits', 3, 3, 1, now(), now() + interval '1 hour', $4
       from unnest($1::uuid[], $2::bytea[], $3::text[]) as made (id, budget, email)`,
      [ids, budgets, emails, keyId]
    )
    for (const id of ids) {
      const ref = { keyId, id, form: { length: 6, alphabet: 'digits' } } as const
      attempts.push({ challenge: secrets.challengeToken(ref), code: secrets.code(ref) })
    }
  }

  async function makeSessions(count: number) {
    const made = Array.from({ length: count }, () => ({
      userId: newId(),
      id: newId(),
      email: newAddress(),
      seed: secrets.newSeed()
    }))
    const userIds = made.map(({ userId }) => userId)
    const seedHashes = made.map(({ seed }) => secrets.seedHash(seed))
    await pool.query(
      `insert into postern."user" (id, email, email_key, email_verified_at, locale)
       select id, email, email, now(), 'en' from unnest($1::uuid[], $2::text[]) as made (id, email)`,
      [userIds, made.map(({ email }) => email)]
    )
    await pool.query(
      `insert into postern.session (id, user_id, credential_version, seed_hash, generation, parent_generation,
         grandparent_generation, rotated_at, authenticated_at, idle_expires_at, expires_at, last_used_at, amr, key_id)
       select id, user_id, 1, seed_hash, 1, 1, 1, now(), now(), now() + interval '30 days', now() + interval '90 days',
         now(), '{otp}', $4 from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as made (id, user_id, seed_hash)`,
      [made.map(({ id }) => id), userIds, seedHashes, keyId]
    )
    const accessTokens = await signTokens(made)
    const refreshTokens = made.map(({ id, seed }) =>
      secrets.refreshToken({ keyId, sessionId: id, generation: 1, seed })
    )
    return { accessTokens, refreshTokens }
  }

  async function signTokens(made: readonly { id: string; userId: string }[]): Promise<string[]> {
    const onIdleError = () => undefined
    const db = connect({ url: databaseUrl, poolSize: 1, statementTimeout: 5, prepared: true, onIdleError })
    const signing = new SigningKeys({ db, secrets, issuer: ISSUER, audience: ISSUER })
    await signing.start(onIdleError)
    const iat = Math.floor(Date.now() / 1000)
    const exp = iat + HOUR // the run's whole length, and not the ten minutes of an answer
    const tokens = made.map(({ id, userId }) =>
      signing.sign({ sub: userId, sid: id, jti: newId(), iat, exp, amr: ['otp'] })
    )
    signing.stop()
    await db.destroy()
    return tokens
  }

  const { accessTokens, refreshTokens } = await makeSessions(users)
  const nextReader = ring(users)
  const nextRefresher = ring(users)
  const request = (send: Send, email: string) => send<{ challenge: string }>('POST', '/v1/otp', { email })
  const verify = (send: Send, attempt: Attempt) => send<{ access_token: string }>('POST', '/v1/otp/verify', attempt)
  const loginAs = async (send: Send, email: string): Promise<void> => {
    const { challenge } = await request(send, email)
    const ref = secrets.readChallenge(challenge)
    if (ref === undefined) throw new Error('the challenge was made under another key')
    const { access_token } = await verify(send, { challenge, code: secrets.code(ref) })
    await send('GET', '/v1/session', undefined, access_token)
  }

  return {
    loginAs,
    server: service,
    firstSteps: { session: users },
    prepare: async (row, steps) => {
      if (row === 'verify' && attempts.length < steps) await makeChallenges(steps - attempts.length)
      if (row === 'forgot' && forgetful.length < steps)
        forgetful.push(...(await makeMembers(pool, Math.ceil(steps - forgetful.length), 'argon2id')))
    },
    steps: {
      request: async (send) => {
        await request(send, newAddress())
        return true
      },
      verify: async (send) => {
        const attempt = attempts.pop()
        if (attempt !== undefined) await verify(send, attempt)
        return attempt !== undefined
      },
      login: async (send) => {
        await loginAs(send, newAddress())
        return true
      },
      session: async (send) => {
        await send('GET', '/v1/session', undefined, accessTokens[nextReader()])
        return true
      },
      refresh: async (send) => {
        const turn = nextRefresher()
        const body = { refresh_token: refreshTokens[turn] }
        refreshTokens[turn] = (await send<{ refresh_token: string }>('POST', '/v1/session/refresh', body)).refresh_token
        return true
      },
      forgot: async (send) => {
        const email = forgetful.pop()
        if (email !== undefined) await send('POST', '/v1/password/forgot', { email })
        return email !== undefined
      }
    },
    sentMails: () => sink.ask<number>('count')
  }
}
