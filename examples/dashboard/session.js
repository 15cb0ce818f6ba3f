// @ts-check
import { Outage, Refusal, send } from './api.js'
import { sameOrigin } from './config.js'
import { takesCookies } from './cookies.js'
import { keep, recall } from './storage.js'
import { channel, inTurn, tellOtherTabs } from './tabs.js'

/**
 * The session of this browser, shared by its tabs.
 *
 * The refresh token lives in a cookie that no script can read (`session_transport: "cookie"`) where the API has the origin of this
 * page and the browser takes cookies; otherwise in localStorage, so that a reload and a second tab find it. sessionStorage would keep
 * it from the other tabs, which would then have to sign in one by one.
 *
 * The access token is the tab's, and a reload finds it in sessionStorage. A page that refreshes each time it is loaded may do so
 * twice while the first request is still on its way, and what arrives late then looks like theft.
 *
 * @typedef {{ id: string } & ({ transport: 'cookie' } | { transport: 'bearer', refresh_token: string })} Kept `id`: the session's
 */

/** The service has ended the session. Nothing but `refresh-rejected` is this. */
export class SignedOut extends Error {}
/** Another session is this browser's by now, and may be somebody else's. */
export class Switched extends Error {}

/** @type {string | undefined} */
let accessToken = leftByReload()
/** @type {string | undefined} The session that the tab is in. */
let sessionId = recall('session')?.id
/** @type {Promise<void> | undefined} */
let refreshing

/** What the tab used before it was loaded anew, unless this browser has another session by now. */
function leftByReload() {
  const left = recall('access', 'tab')
  return left?.session !== undefined && left.session === recall('session')?.id ? left.token : undefined
}

/**
 * @param {string} [token] an access token
 * @param {string} [session] the session that it is of
 */
function useToken(token, session) {
  accessToken = token
  sessionId = session
  keep('access', token && { session, token }, 'tab')
}

/**
 * Tells when another tab has signed in or out.
 *
 * @param {(kind: 'signed-in' | 'signed-out') => void} listener
 */
export function onOtherTab(listener) {
  channel?.addEventListener('message', ({ data }) => {
    const message = /** @type {import('./tabs.js').Message} */ (data)
    if (message.kind === 'refreshed' && message.session !== sessionId) return // late news of a session of before
    if (message.kind === 'signed-out') useToken()
    else useToken(message.accessToken, message.session)
    if (message.kind !== 'refreshed') listener(message.kind)
  })
}

let cookiesRefused = !sameOrigin || !takesCookies()

/**
 * Signs in by `/v1/otp/verify` or `/v1/login`.
 *
 * @param {'/v1/otp/verify' | '/v1/login'} path
 * @param {object} body
 * @param {{ again?: boolean }} [options] `again`: within the session, which goes on as one that has just signed in
 * @returns {Promise<void>}
 */
export async function signIn(path, body, { again = false } = {}) {
  if (again) await call('GET', '/v1/session') // refreshes a token that has run out: with such a one another session would begin
  const before = /** @type {Kept | undefined} */ (again ? recall('session') : undefined)
  const transport = before?.transport ?? (cookiesRefused ? 'bearer' : 'cookie')
  try {
    const answer = await send('POST', path, {
      body: { ...body, session_transport: transport },
      bearer: again ? accessToken : undefined,
      cookies: transport === 'cookie'
    })
    keepSession(transport, answer)
    if (answer.device_token !== undefined) keep('device', answer.device_token)
    const kind = answer.session.id === before?.id ? 'refreshed' : 'signed-in'
    tellOtherTabs({ kind, session: answer.session.id, accessToken: answer.access_token })
  } catch (error) {
    // The service knows itself by another origin than this page does: cookies are not for this page then.
    if (!(error instanceof Refusal) || error.code !== 'origin-rejected' || cookiesRefused) throw error
    cookiesRefused = true
    await signIn(path, body, { again })
  }
}

/** @returns {{ device_token?: string }} what makes this browser a trusted one, to be sent along when asking to be let in */
export function deviceMember() {
  const token = recall('device')
  return token === undefined ? {} : { device_token: token }
}

/**
 * @param {'cookie' | 'bearer'} transport
 * @param {{ access_token: string, refresh_token?: string, session: { id: string } }} answer
 */
function keepSession(transport, answer) {
  const { id } = answer.session
  // Without one the session goes on with the token that it has: a person has signed in again within it.
  const token = answer.refresh_token ?? recall('session')?.refresh_token
  keep('session', transport === 'cookie' ? { id, transport } : { id, transport, refresh_token: token })
  useToken(answer.access_token, id)
}

export function forgetSession() {
  keep('session', undefined)
  useToken()
  tellOtherTabs({ kind: 'signed-out' })
}

/** Whether this browser has a session, as far as it knows. */
export const hasSession = () => recall('session') !== undefined

/**
 * An operation of the signed-in account. Refreshes when it must. Throws SignedOut, Switched, a Refusal or an Outage.
 *
 * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
 * @param {string} path
 * @param {object} [body]
 */
export async function call(method, path, body) {
  if (accessToken === undefined) await refresh(undefined)
  const [used, within] = [accessToken, sessionId]
  const options = body === undefined ? {} : { body }
  try {
    return await send(method, path, { ...options, bearer: used })
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'session-rejected') throw error
    await refresh(used)
    if (sessionId !== within) throw new Switched() // what was meant for one account must not be done to another
    return await send(method, path, { ...options, bearer: accessToken })
  }
}

/**
 * One refresh at a time, in this tab and across tabs: one that waited finds the token that the other got.
 *
 * @param {string | undefined} refused
 */
function refresh(refused) {
  const told = () => accessToken !== refused
  refreshing ??= inTurn(() => step(refused), told)
    .then(() => {
      if (accessToken === undefined) throw new SignedOut() // by another tab
    })
    .finally(() => {
      refreshing = undefined
    })
  return refreshing
}

/**
 * @param {string | undefined} refused
 * @returns {Promise<void>}
 */
async function step(refused) {
  if (accessToken !== undefined && accessToken !== refused) return // another tab was faster
  const kept = /** @type {Kept | undefined} */ (recall('session'))
  if (kept === undefined) throw new SignedOut()
  try {
    const body = kept.transport === 'cookie' ? {} : { refresh_token: kept.refresh_token }
    const answer = await send('POST', '/v1/session/refresh', { body, cookies: kept.transport === 'cookie' })
    keepSession(kept.transport, answer)
    tellOtherTabs({ kind: 'refreshed', session: answer.session.id, accessToken: answer.access_token })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.code !== 'refresh-rejected') throw new Outage(error.retryAfter)
    if (accessToken !== undefined && accessToken !== refused) return // another tab has signed in anew meanwhile
    const now = JSON.stringify(recall('session'))
    if (now !== undefined && now !== JSON.stringify(kept)) return await step(refused)
    forgetSession()
    throw new SignedOut()
  }
}

/** Ends the session here and at the service; throws an Outage, and keeps the session, when the service cannot be told. */
export async function signOut() {
  const kept = /** @type {Kept | undefined} */ (recall('session'))
  const body = kept?.transport === 'bearer' ? { refresh_token: kept.refresh_token } : {}
  try {
    await send('POST', '/v1/session/logout', { body, bearer: accessToken, cookies: kept?.transport === 'cookie' })
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error
  }
  forgetSession()
}
