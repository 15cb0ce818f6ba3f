import { MINUTE } from '../lib/time.ts'

/** Seconds of a quota's window; after it the quota is full again. */
export const QUOTA_WINDOW = MINUTE

/** Names of the plugin's draft (draft-ietf-httpapi-ratelimit-headers-03). */
export const QUOTA_HEADERS = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const

/**
 * What a wider network (/24, /48) may ask for, as a multiple of what one IP address may: room for an office with many lines,
 * and a limit for anyone who owns a whole range.
 */
const WIDE = 10

/** Whom requests are counted for, in words. */
const HOLDERS = { client: 'IP address', session: 'session', network: 'network' } as const
export type Holder = keyof typeof HOLDERS

/** What a refusal says of a quota that is used up. */
export const usedUp = (operation: string, perMinute: number, holder: Holder): string =>
  `${operation} is limited to ${perMinute} requests a minute per ${HOLDERS[holder]}.`

type Quota = {
  /** Requests a minute, of one client or one session. */
  own: number
  /** Requests a minute of all clients of a /24 or /48 together. */
  wide: number
  /** Whom they are counted for: the client's IP address, or the session whose genuine token the request carries. */
  holder: Exclude<Holder, 'network'>
}

const ofClient = (perMinute: number): Quota => ({ own: perMinute, wide: perMinute * WIDE, holder: 'client' })
const ofSession = (perMinute: number): Quota => ({ own: perMinute, wide: perMinute * WIDE, holder: 'session' })

/**
 * Generous: an office behind one IP address must not notice. Guessing is bounded by the budget of the email address that is attacked, and
 * mails by its lanes; a quota only keeps one client from overloading the service.
 */
const quotas: Record<string, Quota> = {
  // Each promises a mail, or costs a hash on purpose.
  requestOtp: ofClient(30),
  resendOtp: ofClient(30),
  requestPasswordReset: ofClient(30),
  loginWithPassword: ofClient(30),
  resetPassword: ofClient(30),
  // And not by session, of which one person may have many: the one costs a hash, the other leaves a row of the audit each time.
  changePassword: ofClient(30),
  updateMe: ofClient(30),
  // Backends call these for every request of a person.
  getSession: ofSession(600),
  getMe: ofSession(600),
  // The token is in the body here, so the session is known only once that is read.
  refreshSession: ofSession(60),
  logout: ofSession(60),
  getJwks: ofClient(300),
  // The reference, the contract and the problem pages: about a dozen files per visit.
  pages: ofClient(300)
}

/** Probes come from the operator's own machines, and must never be told to wait. */
const unlimited = new Set(['getLiveness', 'getReadiness'])

/**
 * The quota of an operation; undefined for one that has none.
 *
 * @param needsSession whether it is refused without a bearer; one that merely takes a bearer is limited like the rest, or a
 *   few sessions of one's own would multiply what one IP address may ask for
 */
export function quotaOf(operation: string, needsSession: boolean): Quota | undefined {
  if (unlimited.has(operation)) return undefined
  return quotas[operation] ?? (needsSession ? ofSession(60) : ofClient(60))
}
