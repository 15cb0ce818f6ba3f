import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Dispatcher } from 'undici'
import { start } from '../helper.ts'
import { email, password, startWithPasswords } from '../password/with-password.ts'
import { hostileAddress, hostileBody, hostileText, isAnswered, RUNS, ten } from './hostile.ts'

const quiet = { LOG_LEVEL: 'silent' }
const base64 = fc.base64String({ minLength: 20, maxLength: 90 }).map((text) => text.replace(/[+/=]/g, '_'))
/** Sometimes the real thing, and sometimes what only looks like it. */
const tokens = (real: string) =>
  fc.oneof(
    fc.constant(real),
    base64.map((text) => real.slice(0, 4) + text)
  )
const locale = fc.constantFrom('fr', 'xx-YY', 'de-CH-1996')

type Endpoints = Record<string, { statuses: number[]; members: Record<string, fc.Arbitrary<unknown>>; bearer?: string }>

/** Sends a thousand bodies to each endpoint; the statuses are those that some of them must reach. */
async function sendBodies(t: Test, url: string, endpoints: Endpoints): Promise<void> {
  for (const [endpoint, { statuses, members, bearer }] of Object.entries(endpoints)) {
    const [method = '', path = ''] = endpoint.split(' ')
    const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
    const met = new Set<number>()
    const property = fc.asyncProperty(ten(hostileBody(members)), async (bodies) => {
      const sent = bodies.map((body) =>
        isAnswered(url + path, { method: method as Dispatcher.HttpMethod, body, headers })
      )
      for (const status of await Promise.all(sent)) met.add(status)
    })
    await t.resolves(fc.assert(property, RUNS), endpoint)
    t.ok(new Set([400, ...statuses]).isSubsetOf(met), `${endpoint} answered ${[...met]}`)
  }
}

t.test('no body is a fault of ours, wherever it is sent', async (t) => {
  const { url, api, signIn } = await start(t, quiet)
  const { challenge } = (await api.requestOtp({ email: 'maya@example.com' })).body
  const session = (await signIn('ines@example.com')).body

  await sendBodies(t, url, {
    'POST /v1/otp': { statuses: [202], members: { email: hostileAddress, locale } },
    'POST /v1/otp/resend': { statuses: [401], members: { challenge: tokens(challenge) } },
    'POST /v1/otp/verify': {
      statuses: [401],
      members: { challenge: tokens(challenge), code: fc.constantFrom('000000', '１２３４５６', '12-34 56') }
    },
    'POST /v1/session/refresh': { statuses: [200, 401], members: { refresh_token: tokens(session.refresh_token) } },
    'POST /v1/session/logout': { statuses: [401], members: { refresh_token: base64.map((text) => `rfr_${text}`) } },
    'PATCH /v1/me': { statuses: [200], members: { locale }, bearer: session.access_token }
  })
})

t.test('nor is a body in which somebody sends a password', async (t) => {
  const { url, signUp, askForLink } = await startWithPasswords(t, quiet)
  const { body } = await signUp()
  const ines = 'ines@example.com'
  await signUp(ines)
  const link = await askForLink(ines)
  const passwords = fc.oneof(
    fc.constant(password),
    hostileText,
    hostileText.map((text) => text + password)
  )
  // Mostly right: ten wrong ones, and no change is let in any more.
  const current = fc.oneof({ weight: 5, arbitrary: fc.constant(password) }, { weight: 1, arbitrary: passwords })
  const device_token = tokens(body.device_token)

  await sendBodies(t, url, {
    'POST /v1/login': {
      statuses: [200, 401, 403],
      members: { email: fc.oneof(hostileAddress, fc.constant(email)), password: passwords, device_token }
    },
    'POST /v1/password/forgot': { statuses: [202], members: { email: hostileAddress, locale, device_token } },
    'POST /v1/password/reset/inspect': { statuses: [200, 401], members: { token: tokens(link) } },
    'POST /v1/password/reset': { statuses: [200, 401], members: { token: tokens(link), password: passwords } },
    'PUT /v1/me/password': {
      statuses: [200, 401],
      members: { current_password: current, password: passwords },
      bearer: body.access_token
    }
  })
})

t.test('no header and no path is a fault of ours', async (t) => {
  const { url, signIn } = await start(t, quiet)
  const bearer = `Bearer ${(await signIn('maya@example.com')).body.access_token}`
  // What HTTP lets into a value: anything but control characters, as Latin-1.
  const value = fc
    .oneof(fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 80 }), hostileText)
    .map((text) =>
      Buffer.from(text)
        .toString('latin1')
        .replace(/[^ -~\x80-\xff]/g, '')
    )
  const names = ['accept-language', 'user-agent', 'authorization', 'idempotency-key', 'x-request-id', 'x-forwarded-for']
  const headers = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] })
  const bodies: Record<string, string> = {
    '/v1/otp': '{"email":"maya@example.com"}',
    '/v1/otp/verify': '{"challenge":"chl_x","code":"123456"}',
    '/v1/session/logout': '{}'
  }
  const sentTo = fc.constantFrom(...Object.keys(bodies))
  const byHeaders = fc.asyncProperty(ten(headers), sentTo, async (all, path) => {
    const given = all as Record<string, string>[]
    await Promise.all(given.map((one) => isAnswered(url + path, { body: bodies[path] ?? '', headers: one })))
  })
  const byPath = fc.asyncProperty(hostileText, async (id) => {
    const path = encodeURIComponent(id.toWellFormed()).replaceAll('.', '%2e')
    await isAnswered(`${url}/v1/me/sessions/${path}`, { method: 'DELETE', headers: { authorization: bearer } })
    await isAnswered(`${url}/problems/${path}?${path}=${path}`, { method: 'POST' })
  })

  await t.resolves(fc.assert(byHeaders, RUNS))
  await t.resolves(fc.assert(byPath, { numRuns: 300 }))
})
