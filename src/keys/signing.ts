import { createPublicKey } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createSigner, createVerifier } from 'fast-jwt'
import { transaction } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { milliseconds, monotonicNow } from '../lib/time.ts'
import { Problem } from '../problems.ts'
import { RecentTokens, type SessionClaims } from './recent-tokens.ts'
import { makeSigningKey, resealSigningKeys } from './rotate.ts'
import { unseal } from './seal.ts'
import type { Secrets } from './secrets.ts'
import { findSigningKeys, lockSigningKeys, type SigningKeyRow } from './store.ts'

/** Seconds; far below JWKS_MAX_AGE: every instance knows a new key long before it signs. */
const RELOAD_EVERY = 30
/** Seconds between two looks that somebody's request asks for. */
const LOOK_AGAIN_AFTER = 2
/** Seconds that who asks for the keys waits for a look. */
const PATIENCE = 1

/** Claims of an access token (RFC 9068 media type); times are seconds since 1970. */
type Claims = {
  iss: string
  aud: string
  sub: string
  sid: string
  jti: string
  iat: number
  exp: number
  amr: string[]
}

type Keys = {
  sign: ((claims: Claims) => string) | undefined
  verifiers: ReadonlyMap<string, (token: string) => Claims>
  /** Replaced with the ring: a token signed by a removed key must not be remembered. */
  recent: RecentTokens
  jwks: { keys: PublishedKey[] }
  /** Why this instance must not serve; undefined when all is well. */
  fault: string | undefined
}

/** A signing key as other services see it (RFC 7517). */
type PublishedKey = SigningKeyRow['publicJwk'] & { kid: string; alg: string; use: 'sig' }

/** The key ring of access tokens: loaded from the database, reloaded on a timer and when an unknown key shows up. */
export class SigningKeys {
  readonly #db: Db
  readonly #secrets: Secrets
  readonly #issuer: string
  readonly #audience: string
  #keys: Keys = {
    sign: undefined,
    verifiers: new Map(),
    recent: new RecentTokens(),
    jwks: { keys: [] },
    fault: 'no signing key is loaded'
  }
  #loadedRows = ''
  #loadedAt = Number.NEGATIVE_INFINITY
  /** When a look began, whether or not the database answered. */
  #askedAt = Number.NEGATIVE_INFINITY
  #reloading: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: { db: Db; secrets: Secrets; issuer: string; audience: string }) {
    this.#db = options.db
    this.#secrets = options.secrets
    this.#issuer = options.issuer
    this.#audience = options.audience
  }

  /**
   * What other services check tokens by. It is looked up anew when the last look lies more than two seconds back: whoever keeps it
   * for JWKS_MAX_AGE must know a new key before that signs. In an outage the keys that are known are good, and nobody waits for long.
   */
  async publish(): Promise<{ keys: PublishedKey[] }> {
    if (this.#mayLookAgain(this.#askedAt))
      await Promise.race([
        this.reload().catch(() => undefined),
        pause(milliseconds(PATIENCE), undefined, { ref: false })
      ])
    return this.#keys.jwks
  }

  get fault(): string | undefined {
    return this.#keys.fault
  }

  /** Makes the first key where there is none, moves seals to the newest master key, and keeps the ring fresh. */
  async start(onError: (error: unknown) => void): Promise<void> {
    await transaction(this.#db, async (tx) => {
      await lockSigningKeys(tx, {})
      const rows = await findSigningKeys(tx, {})
      if (!rows.some((row) => row.active)) await makeSigningKey(tx, this.#secrets, 0)
      else await resealSigningKeys(tx, this.#secrets, rows)
    })
    await this.reload()
    this.#timer = setInterval(() => this.reload().catch(onError), milliseconds(RELOAD_EVERY)).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Callers that come while a reload is under way wait for it. */
  reload(): Promise<void> {
    this.#reloading ??= this.#load().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  async #load(): Promise<void> {
    this.#askedAt = monotonicNow()
    const rows = await findSigningKeys(this.#db, {})
    this.#loadedAt = monotonicNow()
    const fingerprint = JSON.stringify(rows.map((row) => [row.kid, row.keyId, row.active]))
    if (fingerprint === this.#loadedRows) return // verified tokens stay remembered while nothing changes
    this.#keys = this.#read(rows)
    this.#loadedRows = fingerprint
  }

  /** Refuses with `unavailable` where there is no key to sign with; call it before a code is spent. Readiness says why. */
  requireKey(): NonNullable<Keys['sign']> {
    if (this.#keys.sign === undefined) throw new Problem('unavailable')
    return this.#keys.sign
  }

  sign(claims: Omit<Claims, 'iss' | 'aud'>): string {
    const token = this.requireKey()({ iss: this.#issuer, aud: this.#audience, ...claims })
    this.#keys.recent.add(token, claims)
    return token
  }

  /** The claims of a token that one of our keys signed. Whether it has expired is decided by the database's clock. */
  async verify(token: string): Promise<SessionClaims | undefined> {
    const known = this.#keys.recent.find(token)
    if (known !== undefined) return known
    const kid = kidOf(token)
    if (kid === undefined) return undefined
    if (!this.#keys.verifiers.has(kid) && this.#mayLookAgain(this.#loadedAt)) await this.reload()
    try {
      const claims = this.#keys.verifiers.get(kid)?.(token)
      return claims && this.#keys.recent.add(token, claims)
    } catch {
      return undefined
    }
  }

  #mayLookAgain(last: number): boolean {
    return this.#reloading !== undefined || monotonicNow() - last > LOOK_AGAIN_AFTER
  }

  #read(rows: readonly SigningKeyRow[]): Keys {
    const signing = rows.find((row) => row.active)
    const master = signing && this.#secrets.ring.find(signing.keyId)
    return {
      sign:
        signing &&
        master &&
        createSigner({
          key: unseal(master, signing.kid, signing.sealedPrivate),
          algorithm: 'ES256',
          kid: signing.kid,
          header: { typ: 'at+jwt', alg: 'ES256' }
        }),
      verifiers: new Map(rows.map((row) => [row.kid, this.#verifier(row)])),
      recent: new RecentTokens(),
      jwks: { keys: rows.map((row) => ({ ...row.publicJwk, kid: row.kid, alg: row.alg, use: 'sig' as const })) },
      fault: signing === undefined ? 'no signing key' : master ? undefined : `master key ${signing.keyId} is missing`
    }
  }

  #verifier(row: SigningKeyRow): (token: string) => Claims {
    return createVerifier({
      key: createPublicKey({ key: row.publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString(),
      algorithms: ['ES256'],
      checkTyp: 'at+jwt',
      allowedIss: this.#issuer,
      allowedAud: this.#audience,
      requiredClaims: ['iss', 'aud', 'sub', 'sid', 'exp'], // the checks above pass over a claim that is absent
      ignoreExpiration: true
    })
  }
}

function kidOf(token: string): string | undefined {
  try {
    const header = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()) as {
      kid?: unknown
    }
    return typeof header.kid === 'string' ? header.kid : undefined
  } catch {
    return undefined
  }
}
