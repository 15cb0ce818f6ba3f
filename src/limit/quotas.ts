import { MINUTE } from '../lib/time.ts'

/** Seconds in which a quota is used up and after which it is whole again. */
export const QUOTA_WINDOW = MINUTE

/** Names of the plugin's draft (draft-ietf-httpapi-ratelimit-headers-03). */
export const QUOTA_HEADERS = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const

/**
 * What a wider network (/24, /48) may ask for, as a multiple of what one address may: room for an office with many lines,
 * and an end to whoever owns a whole range.
 */
const WIDE = 10

export type Quota = {
  /** Requests a minute, of one client or one session. */
  own: number
  /** Requests a minute of all clients of a /24 or /48 together. */
  wide: number
  /** Whose they are: of the address that asks, or of the session whose genuine token it shows. */
  holder: 'client' | 'session'
}

const ofClient = (perMinute: number): Quota => ({ own: perMinute, wide: perMinute * WIDE, holder: 'client' })
const ofSession = (perMinute: number): Quota => ({ own: perMinute, wide: perMinute * WIDE, holder: 'session' })

/**
 * Generous: an office behind one address must not notice. Guessing is bounded by the ledger of the address that is guessed
 * at, and mails by its lanes; a quota only keeps one client from working the service hard.
 */
const quotas: Record<string, Quota> = {
  // Each promises a mail, or costs a hash on purpose.
  requestOtp: ofClient(30),
  resendOtp: ofClient(30),
  requestPasswordReset: ofClient(30),
  loginWithPassword: ofClient(30),
  resetPassword: ofClient(30),
  // Backends ask these at every request of a person.
  getSession: ofSession(600),
  getMe: ofSession(600),
  // The token stands in the body here: which session asks is known once that is read.
  refreshSession: ofSession(60),
  logout: ofSession(60),
  getJwks: ofClient(300),
  // The reference, the contract and what problems mean: files, a dozen a visit.
  pages: ofClient(300)
}

/** Probes come from the operator's own machines, and must never be told to wait. */
const unlimited = new Set(['getLiveness', 'getReadiness'])

/**
 * The quota of an operation; undefined for one that has none.
 *
 * @param needsSession whether it is refused without a bearer; one that merely takes a bearer is limited like the rest, or a
 *   few sessions of one's own would multiply what one address may ask for
 */
export function quotaOf(operation: string, needsSession: boolean): Quota | undefined {
  if (unlimited.has(operation)) return undefined
  return quotas[operation] ?? (needsSession ? ofSession(60) : ofClient(60))
}
