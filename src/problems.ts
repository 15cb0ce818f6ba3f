/** One refusal: its HTTP status, what it says, and what the client should do. */
type Entry = {
  status: number
  title: string
  help: string
  /** WWW-Authenticate of a 401. Generic clients refresh on `Bearer`, so no other refusal may say that. */
  scheme?: string
}

const catalogue = {
  'invalid-request': {
    status: 400,
    title: 'The request does not match the contract.',
    help: 'Look at `errors`: each names the place by a JSON pointer and says what is wrong there. Sending it again unchanged fails again.'
  },
  // Wrong, expired, used up and never sent are one problem: a difference would tell who has an account.
  'code-rejected': {
    status: 401,
    title: 'The code is not valid.',
    help: 'The code was mistyped, has expired, was used, or was guessed too often; which of them, no answer tells. Count `tries` down yourself: let the person try again while some are left, then ask for a new code.',
    scheme: 'Postern-Code'
  },
  // Unknown address, wrong password, none set, disabled: one problem, for the same reason.
  'credentials-rejected': {
    status: 401,
    title: 'The address or the password is not right.',
    help: 'The address or password is wrong, or the account has no password; when a password is changed, the current one is wrong. Let the person try again, sign in with a mailed code, or ask for a link to a new password.',
    scheme: 'Postern-Password'
  },
  'reset-rejected': {
    status: 401,
    title: 'The link is not valid.',
    help: 'The link has expired, was used, or another one was used since. Let the person ask for a new one.',
    scheme: 'Postern-Reset'
  },
  'session-rejected': {
    status: 401,
    title: 'The session is not valid.',
    help: 'The access token is missing, expired or belongs to a session that has ended. Refresh once; if that is refused too, ask the person to sign in.',
    scheme: 'Bearer error="invalid_token"'
  },
  'refresh-rejected': {
    status: 401,
    title: 'The refresh token is not valid.',
    help: 'The session has ended. Forget both tokens and ask the person to sign in.',
    scheme: 'Postern-Refresh'
  },
  'origin-rejected': {
    status: 403,
    title: 'The cookie is not for this origin.',
    help: 'The cookie works only on pages of the origin of the service, or of an origin on the same site that `CORS_ORIGINS` lists. From elsewhere use `session_transport: "bearer"`.'
  },
  'code-required': {
    status: 403,
    title: 'A mailed code is required as well.',
    help: 'Too many wrong passwords were given for this address. A code is on its way; `next.challenge` is an object like the answer of `POST /v1/otp`. Send the code with `next.challenge.challenge` to `POST /v1/otp/verify`; `next.challenge.reference` is in the mail too.'
  },
  'test-session': {
    status: 403,
    title: 'A test account has no password.',
    help: 'The session was opened with the fixed code of a test address. Such an account is signed in to by that code alone.'
  },
  'step-up-required': {
    status: 403,
    title: 'Sign in again first.',
    help: 'The person must have signed in within the last five minutes. Let the person sign in again with the bearer token of the session, which renews it, then repeat the request.'
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here.',
    help: 'The path or the identifier is unknown. Paths are exact: no trailing slash, lower case.'
  },
  'method-not-allowed': {
    status: 405,
    title: 'This path does not support the method.',
    help: 'The `Allow` header lists the methods that the path supports.'
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive.',
    help: 'Send it again on a new connection.'
  },
  'payload-too-large': {
    status: 413,
    title: 'The body is too large.',
    help: 'A body has at most 16 KiB.'
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body must be JSON in UTF-8.',
    help: 'Send `Content-Type: application/json`, and the body without any `Content-Encoding`.'
  },
  'password-refused': {
    status: 422,
    title: 'The password is not good enough.',
    help: '`reason` says why: `too_short` (`min_length` says what is enough), `too_long`, `common` (one of those that are guessed first), `personal` (made of the address or the name of the service) or `breached` (seen in a leak). Nothing was used up; let the person choose another.'
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests; wait and try again.',
    help: 'Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too.'
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large.',
    help: 'A request line and its headers have at most 16 KiB together.'
  },
  internal: {
    status: 500,
    title: 'Internal error.',
    help: 'This is a fault of the service. Tell the operator the request id that `instance` holds.'
  },
  unavailable: {
    status: 503,
    title: 'The service cannot answer right now.',
    help: 'Something the service needs is out of reach. Nobody is signed out by this. Send the same request again after `Retry-After` seconds.'
  }
} as const satisfies Record<string, Entry>

export type ProblemCode = keyof typeof catalogue

/** Every refusal once; statuses, titles, pages and the contract come from here. */
export const problems: Record<ProblemCode, Entry> = catalogue
export const problemCodes = Object.keys(catalogue) as ProblemCode[]

/** Why a new password is refused. A closed list: a front end has a sentence for each. */
export const passwordReasons = ['too_short', 'too_long', 'common', 'personal', 'breached'] as const
export type PasswordReason = (typeof passwordReasons)[number]

/**
 * What a 429 ran into: the mails to an address, those of one code, the changes of an account's password, or the requests of a client,
 * a session or a wide network. For the log; the answer says it in words.
 */
export type Limit = 'lane' | 'code' | 'account' | 'client' | 'session' | 'network'

export type ProblemDetails = {
  detail?: string
  reason?: PasswordReason
  /** Characters that a password must have at least. */
  minLength?: number
  /** How to continue a sign-in that needs more. */
  next?: { methods: string[]; challenge: object }
  /** Seconds until trying again makes sense; becomes Retry-After. */
  retryAfter?: number
  limit?: Limit
  errors?: { pointer: string; detail: string }[]
  allow?: string
}

/** Thrown by a flow to refuse; the error handler makes it an RFC 9457 answer. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly details: ProblemDetails

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? problems[code].title)
    this.name = 'Problem'
    this.code = code
    this.details = details
  }
}
