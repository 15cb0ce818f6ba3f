import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { type ChallengeRef, secretsOf } from '../src/keys/secrets.ts'
import type { Answer } from './contract-client.ts'
import { type Api, codeIn, newKey, type Running, start, until } from './helper.ts'
import { postern } from './keys/command.ts'
import { privateKeyOf } from './keys/tokens.ts'
import { KnownSecrets } from './known-secrets.ts'
import { mailServer, type Received } from './mail/servers.ts'
import { goThroughPasswords } from './password/all-flows.ts'

/** Two people, one whom the mail server refuses, one whose mail it takes for spam, and one who is mailed nothing. */
export const people = {
  maya: 'maya@example.com',
  noor: 'noor@example.com',
  refused: 'refused@example.com',
  quoted: 'quoted@example.com',
  review: 'review@example.com'
}
const { maya, noor, refused, quoted, review } = people
export const reviewCode = '7K3MZ9QXW4T2HV'

/** A mail server that names the address when it refuses one, and quotes the mail when it takes it for spam. */
async function pickyServer(t: Test) {
  const received: Received[] = []
  const { url } = await mailServer(t, {
    onRcptTo: ({ address }, _session, done) =>
      done(address === refused ? Object.assign(new Error(`<${address}> unknown`), { responseCode: 550 }) : undefined),
    onData: async (stream, { envelope }, done) => {
      const raw = (await Array.fromAsync(stream)).join('')
      const to = envelope.rcptTo.map(({ address }) => address)
      received.push({ from: '', to, raw })
      const spam = () => Object.assign(new Error(`spam to ${to}: ${codeIn(raw)}`), { responseCode: 554 })
      done(to.includes(quoted) ? spam() : undefined)
    }
  })
  return { url, received }
}

/** Runs every flow there is, well and badly, and keeps each secret that comes by. */
export async function runAllFlows(t: Test) {
  const [oldKey, newestKey, pepper] = [newKey(), newKey(), newKey()]
  const { url: smtp, received } = await pickyServer(t)
  const settings = {
    SECRET_KEYS: `${oldKey},${newestKey}`,
    PASSWORD_PEPPERS: pepper,
    TEST_ADDRESSES: `${review}:${reviewCode}:2099-12-31`,
    SMTP_URL: smtp,
    LOG_LEVEL: 'trace',
    BCRYPT_COST: '4',
    CODE_LENGTHEN_AT: '0',
    CODE_STRENGTHEN_AT: '0',
    CODE_RESEND_AFTER: '0'
  }
  const first = await start(t, settings)
  const second = await first.another({ SECRET_KEYS: `${newestKey},${oldKey}` })
  const all = secretsOf([oldKey, newestKey].map((key) => Buffer.from(key, 'base64url')))
  const secrets = new KnownSecrets()
  for (const key of [oldKey, newestKey]) secrets.master(key, all)
  secrets.pepper(pepper)
  secrets.text('fixed code', reviewCode)
  const codeOf = (challenge: string): string => {
    const code = all.code(all.readChallenge(challenge) as ChallengeRef)
    secrets.text('code', code)
    return code
  }
  const met = async (asked: Promise<Answer>) => secrets.from(await asked)

  for (const { api } of [first, second]) {
    await goWell({ api, met, codeOf, secrets, received })
    await first.emptyLanes()
  }
  await goBadly({ first, met, codeOf, sql: first.sql })
  await postern(['keys', 'rotate'], { DATABASE_URL: first.databaseUrl, SECRET_KEYS: settings.SECRET_KEYS })
  const { api } = second
  await met(signIn(api, met, codeOf, maya))
  for (const { kid } of await first.sql('select kid from postern.signing_key'))
    secrets.privateKey(await privateKeyOf(first, kid))
  return { ...first, second, secrets, pepper, codeOf, met, logs: () => [...first.log, ...second.log].join('') }
}

type Met = (asked: Promise<Answer>) => Promise<Answer>
type CodeOf = (challenge: string) => string

async function signIn(api: Api, met: Met, codeOf: CodeOf, email: string): Promise<Answer> {
  const { challenge } = (await met(api.requestOtp({ email }))).body
  return await met(api.verifyOtp({ challenge, code: codeOf(challenge) }))
}

/** Signs in with the fixed code of the settings, written as a person may write it. */
async function signInForReview(api: Api, met: Met): Promise<void> {
  const { challenge } = (await met(api.requestOtp({ email: review }))).body
  await met(api.verifyOtp({ challenge, code: reviewCode.replace('7', '8') }))
  const { status } = await met(api.verifyOtp({ challenge, code: reviewCode.toLowerCase() }))
  if (status !== 200) throw new Error(`the fixed code was answered ${status}`)
}

async function goWell(world: { api: Api; met: Met; codeOf: CodeOf; secrets: KnownSecrets; received: Received[] }) {
  const { api, met, codeOf, secrets, received } = world
  const { challenge } = (await met(api.requestOtp({ email: maya, locale: 'de' }))).body
  await met(api.resendOtp({ challenge }))
  await until(() => received.find(({ raw }) => raw.includes(codeOf(challenge))))
  await met(api.verifyOtp({ challenge, code: '0000000000000' }))
  const { body } = await met(api.verifyOtp({ challenge, code: codeOf(challenge) }))
  const { access_token: bearer, device_token } = body
  await met(api.requestOtp({ email: maya, device_token }))
  await signInForReview(api, met)

  const key = { headers: { 'idempotency-key': randomUUID() } }
  secrets.text('Idempotency-Key', key.headers['idempotency-key'])
  secrets.text('Idempotency-Key', key.headers['idempotency-key'].replaceAll('-', ''))
  const once = await met(api.requestOtp({ email: noor }, key))
  await met(api.requestOtp({ email: noor }, key))
  const attempt = { challenge: once.body.challenge, code: codeOf(once.body.challenge) }
  await met(api.verifyOtp(attempt, key))
  await met(api.verifyOtp(attempt, key))

  const next = await met(api.refreshSession({ refresh_token: body.refresh_token }))
  await met(api.refreshSession({ refresh_token: body.refresh_token }))
  await met(api.refreshSession({ refresh_token: next.body.refresh_token }))
  const other = await signIn(api, met, codeOf, maya)
  await api.updateMe({ locale: 'fr' }, { bearer })
  await api.listSessions({ bearer })
  await api.endSession({ bearer, id: other.body.session.id })
  await signIn(api, met, codeOf, maya)
  await api.endOtherSessions({ bearer })
  await api.logout({ refresh_token: (await signIn(api, met, codeOf, noor)).body.refresh_token })
  const { body: fresh } = await signIn(api, met, codeOf, noor)
  await goThroughPasswords({ api, email: noor, bearer: fresh.access_token, secrets, received })
  const { body: leaving } = await signIn(api, met, codeOf, noor)
  await api.deleteMe({ bearer: leaving.access_token })
  await met(api.requestOtp({ email: refused }))
  await met(api.requestOtp({ email: quoted })).then((asked) => codeOf(asked.body.challenge))
}

/** What is out of order: requests that put secrets where they do not belong, a thief, and a database that refuses. */
async function goBadly(world: { first: Running; met: Met; codeOf: CodeOf; sql: (text: string) => Promise<unknown> }) {
  const { first, met, codeOf, sql } = world
  const { api, url } = first
  const { body } = await signIn(api, met, codeOf, maya)
  const { refresh_token, access_token, device_token } = body
  const { challenge } = (await met(api.requestOtp({ email: maya }))).body
  const code = codeOf(challenge)
  const json = { 'content-type': 'application/json', 'x-request-id': refresh_token }
  await fetch(`${url}/v1/session?access_token=${access_token}&email=${maya}`, { headers: { cookie: refresh_token } })
  await fetch(`${url}/${challenge}/${code}/${maya}`)
  await fetch(`${url}/${device_token}/${reviewCode}/${review}`, { headers: { 'user-agent': device_token } })
  await fetch(`${url}/v1/me/sessions/${refresh_token}`, { method: 'DELETE', headers: { authorization: access_token } })
  for (const text of [
    `{"challenge":"${challenge}","code":"${code}"`,
    `{"challenge":"${challenge}","x":"${maya}"}`,
    `{"device_token":"${device_token}","${reviewCode}":1}`,
    code
  ])
    await fetch(`${url}/v1/otp/verify`, { method: 'POST', headers: json, body: text })

  let current = refresh_token
  for (let step = 1; step <= 3; step++)
    current = (await met(api.refreshSession({ refresh_token: current }))).body.refresh_token
  await sql(`update postern.session set rotated_at = rotated_at - interval '1 hour'`)
  await met(api.refreshSession({ refresh_token }))

  await sql(`alter table postern.challenge add constraint never check (tries_left > 100) not valid`)
  await api.requestOtp({ email: maya })
  await api.verifyOtp({ challenge, code })
  await sql('alter table postern.challenge drop constraint never; alter table postern.session rename to elsewhere')
  await api.verifyOtp({ challenge, code })
  await api.refreshSession({ refresh_token })
  await api.getSession({ bearer: access_token })
  await sql('alter table postern.elsewhere rename to session')
}
