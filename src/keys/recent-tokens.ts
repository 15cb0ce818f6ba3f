import { hash } from 'node:crypto'

/** What a request needs from an access token; everything that can change is read from the database. */
export type SessionClaims = { sid: string; exp: number }

/** Measured with 10,000 sessions in turn; some 4 MB when full. */
const MOST = 20_000

/** Tokens recently signed or verified here, by digest: a signature costs more than the rest of a session check. */
export class RecentTokens {
  readonly #claims = new Map<string, SessionClaims>()

  find(token: string): SessionClaims | undefined {
    return this.#claims.get(digestOf(token))
  }

  /** Forgets the oldest beyond the bound. Tokens are short-lived, so the oldest is the least useful. */
  add(token: string, { sid, exp }: SessionClaims): SessionClaims {
    const claims = { sid, exp }
    this.#claims.set(digestOf(token), claims)
    if (this.#claims.size > MOST) this.#claims.delete(this.#claims.keys().next().value as string)
    return claims
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'base64url')
