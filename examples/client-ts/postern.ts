import createClient, { type Client } from 'openapi-fetch'
import type { components, paths } from '../../openapi/types.ts'

type Session = components['schemas']['Session']

/** What outlives the app: keep it where nobody else reads it, such as the keychain of a phone. */
export type Kept = { refreshToken?: string; deviceToken?: string }

type Options = {
  /** Where the service is. */
  baseUrl: string
  /** What `keep` was given last. */
  kept?: Kept
  /** Called before an answer is handed on: once it has come back, the app may end. */
  keep: (kept: Kept) => void | Promise<void>
  fetch?: (request: Request) => Promise<Response>
  /** Seconds between the tries of a request whose answer was lost. */
  pauses?: readonly number[]
}

/** The service has ended the session, or there is none. Nothing but `refresh-rejected` is this. */
export class SignedOut extends Error {
  override readonly name = 'SignedOut'
}

/** There was no answer, or only that there is none now. It says nothing about the session, which is kept. */
export class Outage extends Error {
  override readonly name = 'Outage'
  /** Seconds, where the service has said how many. */
  readonly retryAfter: number | undefined

  constructor(retryAfter?: number, cause?: unknown) {
    super('the service cannot be reached', { cause })
    this.retryAfter = retryAfter
  }
}

/** A retry with the same `Idempotency-Key` mails and spends nothing twice. */
const KEYED = ['/v1/otp', '/v1/otp/verify', '/v1/password/forgot', '/v1/password/reset']
/** What a retry would do a second time. Everything else may be sent again as it is. */
const ONCE = ['/v1/login', '/v1/otp/resend']
/** Within a session these renew it (`step-up-required`), and otherwise open one. */
const ENTERING = ['/v1/otp/verify', '/v1/login']
const REFRESH = '/v1/session/refresh'
const PRIVATE = /^\/v1\/(me(\/.*)?|session)$/
/** Seconds that an access token must still be good for while somebody signs in again: with one that has run out another session would begin. */
const MARGIN = 30

/** One person's session with the service, in one process: an app, or a server on the person's behalf. */
export class Postern {
  /** Every operation of the contract. It brings the access token, refreshes it and repeats what got lost; it throws `SignedOut` and `Outage`. */
  readonly api: Client<paths>
  readonly #options: Required<Options>
  #kept: Kept
  #access: { token: string; until: number } | undefined
  #refreshing: Promise<string> | undefined

  constructor(options: Options) {
    this.#options = { kept: {}, fetch: (request) => fetch(request), pauses: [0.5, 2], ...options }
    this.#kept = this.#options.kept
    this.api = createClient<paths>({ baseUrl: options.baseUrl, fetch: (request) => this.#send(request) })
  }

  get isSignedIn(): boolean {
    return this.#kept.refreshToken !== undefined
  }

  /** What makes this device a known one: send it along with `/v1/otp`, `/v1/login` and `/v1/password/forgot`. */
  get device(): { device_token?: string } {
    return this.#kept.deviceToken === undefined ? {} : { device_token: this.#kept.deviceToken }
  }

  /** Ends the session here and at the service. Throws an `Outage`, and keeps the session, where the service cannot be told. */
  async signOut(): Promise<void> {
    await this.#refreshing?.catch(() => undefined) // or its answer would bring the session back
    const { refreshToken } = this.#kept
    if (refreshToken !== undefined) await this.#post('/v1/session/logout', { refresh_token: refreshToken })
    await this.#forget()
  }

  async #send(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (KEYED.includes(pathname) && !request.headers.has('idempotency-key'))
      request.headers.set('idempotency-key', crypto.randomUUID())
    const bearer = await this.#bearerFor(pathname)
    let answer = await this.#patiently(request, bearer)
    const isRefused = /^Bearer .*invalid_token/.test(answer.headers.get('www-authenticate') ?? '')
    if (isRefused && PRIVATE.test(pathname)) answer = await this.#patiently(request, await this.#refresh(bearer))
    if (answer.ok && (ENTERING.includes(pathname) || pathname === '/v1/password/reset'))
      await this.#take((await answer.clone().json()) as Partial<Session>)
    return answer
  }

  async #bearerFor(pathname: string): Promise<string | undefined> {
    if (PRIVATE.test(pathname)) return this.#access?.token ?? (await this.#refresh(undefined))
    if (!ENTERING.includes(pathname)) return undefined
    const isFresh = this.#access !== undefined && this.#access.until - MARGIN > now()
    if (isFresh) return this.#access?.token
    return await this.#refresh(this.#access?.token).catch((error) => {
      if (error instanceof SignedOut) return undefined // so another session begins
      throw error
    })
  }

  /** One at a time: whoever comes meanwhile gets the same token. @param refused the access token that is of no use any more */
  async #refresh(refused: string | undefined): Promise<string> {
    if (this.#access !== undefined && this.#access.token !== refused) return this.#access.token
    this.#refreshing ??= this.#step().finally(() => {
      this.#refreshing = undefined
    })
    return await this.#refreshing
  }

  async #step(): Promise<string> {
    const { refreshToken } = this.#kept
    if (refreshToken === undefined) throw new SignedOut()
    const answer = await this.#post(REFRESH, { refresh_token: refreshToken })
    if (answer.ok) return await this.#take((await answer.json()) as Session)
    const { code } = (await answer.json()) as { code?: string }
    if (code !== 'refresh-rejected') throw new Outage(secondsIn(answer))
    await this.#forget()
    throw new SignedOut()
  }

  /** Keeps what an answer brings. One that renews a session has no refresh token: that of before goes on. */
  async #take({
    access_token: token,
    expires_in: seconds = 0,
    refresh_token,
    device_token
  }: Partial<Session>): Promise<string> {
    if (token !== undefined) this.#access = { token, until: now() + seconds }
    await this.#save({
      ...this.#kept,
      ...(refresh_token !== undefined && { refreshToken: refresh_token }),
      ...(device_token !== undefined && { deviceToken: device_token })
    })
    return token ?? ''
  }

  /** The device stays known when the person has gone. */
  async #forget(): Promise<void> {
    const { deviceToken } = this.#kept
    this.#access = undefined
    await this.#save(deviceToken === undefined ? {} : { deviceToken })
  }

  async #save(kept: Kept): Promise<void> {
    this.#kept = kept
    await this.#options.keep(kept)
  }

  #post(path: string, body: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' }
    const request = new Request(new URL(path, this.#options.baseUrl), {
      method: 'POST',
      headers,
      body: JSON.stringify(body)
    })
    return this.#patiently(request, undefined)
  }

  /** Sends a request until it is answered, where that does no harm. */
  async #patiently(request: Request, bearer: string | undefined): Promise<Response> {
    const pauses = ONCE.includes(new URL(request.url).pathname) ? [] : this.#options.pauses
    for (let attempt = 0; ; attempt++) {
      const once = request.clone()
      if (bearer !== undefined) once.headers.set('authorization', `Bearer ${bearer}`)
      const answer = await this.#options.fetch(once).catch((error: unknown) => new Outage(undefined, error))
      if (!(answer instanceof Outage) && ![502, 503, 504].includes(answer.status)) return answer
      const outage = answer instanceof Outage ? answer : new Outage(secondsIn(answer))
      const pause = pauses[attempt]
      if (pause === undefined) throw outage
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(pause, outage.retryAfter ?? 0)))
    }
  }
}

/** Seconds by a clock that nobody sets: that of a phone may be wrong. */
const now = (): number => performance.now() / 1000

const secondsIn = (answer: Response): number | undefined => Number(answer.headers.get('retry-after')) || undefined
