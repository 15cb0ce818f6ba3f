// @ts-check
import { apiBase } from './config.js'

/** The service has answered, and the answer is no. Switch on `code`; treat one you do not know by `status`. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {import('./contract.js').Problem} problem
   * @param {number | undefined} retryAfter seconds
   */
  constructor(status, problem, retryAfter) {
    super(problem.code)
    this.status = status
    this.code = problem.code
    this.problem = problem
    this.retryAfter = retryAfter
  }
}

/** There was no answer, or only that there is none now. It says nothing about the session: keep it, and try again. */
export class Outage extends Error {
  /** @param {number | undefined} retryAfter seconds */
  constructor(retryAfter) {
    super('the service cannot be reached')
    this.retryAfter = retryAfter
  }
}

/** Seconds after which no answer is an outage. */
const PATIENCE = 15
/** Seconds before the one retry that nobody has to ask for. */
const SECOND_TRY = 1

/** Operations whose retry is safe with an Idempotency-Key. */
const KEYED = ['/v1/otp', '/v1/otp/verify', '/v1/password/forgot', '/v1/password/reset']
/** Operations whose retry is safe as it is. */
const REPEATABLE = ['/v1/session/refresh', '/v1/session/logout', '/v1/password/reset/inspect']

/**
 * Keys of requests whose answer never came. The same request sent again, by a click or by us, has the same key, and gets the
 * answer of the first try: no second mail, no spent code.
 */
const unanswered = /** @type {Map<string, string>} */ (new Map())

/**
 * Sends one request. Throws a Refusal or an Outage, and nothing else.
 *
 * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
 * @param {string} path
 * @param {{ body?: object, bearer?: string | undefined, cookies?: boolean }} [options]
 * @returns {Promise<any>} the body of the answer
 */
export async function send(method, path, options = {}) {
  const text = options.body === undefined ? undefined : JSON.stringify(options.body)
  const keyed = method === 'POST' && KEYED.includes(path)
  const request = `${path} ${text}`
  const key = keyed ? (unanswered.get(request) ?? newKey()) : undefined
  if (key !== undefined) unanswered.set(request, key)
  try {
    const once = () => attempt(method, path, text, key, options)
    const answer = await once().catch(async (error) => {
      const safe = keyed || method !== 'POST' || REPEATABLE.includes(path)
      if (!safe || !(error instanceof Outage) || (error.retryAfter ?? 0) > 2 * SECOND_TRY) throw error
      await new Promise((resolve) => setTimeout(resolve, 1000 * SECOND_TRY))
      return await once()
    })
    unanswered.delete(request)
    return answer
  } catch (error) {
    if (error instanceof Refusal) unanswered.delete(request)
    throw error
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string | undefined} text
 * @param {string | undefined} key
 * @param {{ bearer?: string | undefined, cookies?: boolean }} options
 */
async function attempt(method, path, text, key, { bearer, cookies }) {
  const headers = new Headers()
  if (text !== undefined) headers.set('content-type', 'application/json')
  if (key !== undefined) headers.set('idempotency-key', key)
  if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`)
  let response
  let body
  try {
    response = await fetch(apiBase + path, {
      method,
      headers,
      body: text ?? null,
      credentials: cookies ? 'include' : 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(1000 * PATIENCE)
    })
    body = response.status === 204 ? undefined : await response.json()
  } catch {
    throw new Outage(undefined) // no connection, no answer in time, or a page from a proxy in between
  }
  if (response.ok) return body
  // The request number that support asks for: it leads the operator to the line in the log.
  console.warn(`${method} ${path} was refused: ${body?.code} ${body?.instance}`)
  const retryAfter = Number(response.headers.get('retry-after')) || undefined
  if (response.status >= 500) throw new Outage(retryAfter)
  throw new Refusal(response.status, body, retryAfter)
}

/** A random UUID, also where crypto.randomUUID is missing: a page over plain http that is not localhost. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5')
}
