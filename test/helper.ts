import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { boot, type Instance } from '../src/boot.ts'
import { makeLog } from '../src/cli/log.ts'
import { readConfig } from '../src/config.ts'
import type { InboxMail } from '../src/mail/dev-inbox.ts'
import { type Answer, type CallOptions, call } from './contract-client.ts'
import { makeDatabase, query, testServer } from './database.ts'

export type Api = {
  requestOtp: (body: unknown, options?: CallOptions) => Promise<Answer>
  resendOtp: (body: unknown, options?: CallOptions) => Promise<Answer>
  verifyOtp: (body: unknown, options?: CallOptions) => Promise<Answer>
  refreshSession: (body: unknown, options?: CallOptions) => Promise<Answer>
  logout: (body?: unknown, options?: CallOptions) => Promise<Answer>
  getSession: (options?: CallOptions) => Promise<Answer>
  getMe: (options?: CallOptions) => Promise<Answer>
  updateMe: (body: unknown, options?: CallOptions) => Promise<Answer>
  listSessions: (options?: CallOptions) => Promise<Answer>
  endOtherSessions: (options?: CallOptions) => Promise<Answer>
  endSession: (options?: CallOptions) => Promise<Answer>
  getJwks: () => Promise<Answer>
  getReadiness: () => Promise<Answer>
  getLiveness: () => Promise<Answer>
}

/** Every operation by its name, against one instance; each exchange is held against the contract. */
export function apiOf(base: string): Api {
  const withBody = (id: string) => (body?: unknown, options?: CallOptions) => call(base, id, body, options)
  const plain = (id: string) => (options?: CallOptions) => call(base, id, undefined, options)
  return {
    requestOtp: withBody('requestOtp'),
    resendOtp: withBody('resendOtp'),
    verifyOtp: withBody('verifyOtp'),
    refreshSession: withBody('refreshSession'),
    logout: withBody('logout'),
    getSession: plain('getSession'),
    getMe: plain('getMe'),
    updateMe: withBody('updateMe'),
    listSessions: plain('listSessions'),
    endOtherSessions: plain('endOtherSessions'),
    endSession: plain('endSession'),
    getJwks: plain('getJwks'),
    getReadiness: plain('getReadiness'),
    getLiveness: plain('getLiveness')
  }
}

export type Settings = Record<string, string>

/** One instance of the service as a test sees it. */
export type Running = Instance & { api: Api; log: string[] }

/** 32 random bytes as SECRET_KEYS wants them. */
export const newKey = (): string => randomBytes(32).toString('base64url')

/** A code of the same form that is certainly another. */
export const wrongCode = (code: string): string => code.replace(/.$/, (last) => (last === '7' ? '8' : '7'))

/** Looks again until there is something; for what another part does in its own time. @param patience seconds */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, patience = 15): Promise<T> {
  const end = performance.now() + patience * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`nothing came within ${patience} s: ${look}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Boots one instance on a database; it stops with the test unless the test stops it first. */
export async function startInstance(t: Test, databaseUrl: string, settings: Settings = {}): Promise<Running> {
  const log: string[] = []
  const lines = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(chunk.toString())
      done()
    }
  })
  const config = readConfig({ PORT: '0', PUBLIC_URL: 'http://localhost:3000', DATABASE_URL: databaseUrl, ...settings })
  const instance = await boot(config, makeLog(settings.LOG_LEVEL ?? 'debug', lines))
  let stopping: Promise<void> | undefined
  const stop = (linger?: number): Promise<void> => {
    stopping ??= instance.stop(linger)
    return stopping
  }
  t.teardown(() => stop())
  return { ...instance, stop, api: apiOf(instance.url), log }
}

/**
 * A world of a test's own: a fresh database and one instance on it, with the dev inbox unless the settings say otherwise.
 * Further instances come by `another`, with the same master key.
 */
export async function start(t: Test, settings: Settings = {}) {
  const server = await testServer()
  const database = await makeDatabase(server.url)
  t.teardown(() => database.drop())
  const shared = { SECRET_KEYS: newKey(), ...settings }
  const first = await startInstance(t, database.url, shared)

  const sql = <Row extends Record<string, unknown> = Record<string, unknown>>(text: string, values?: unknown[]) =>
    query<Row>(database.url, text, values)
  const another = (more: Settings = {}) => startInstance(t, database.url, { ...shared, ...more })
  const mailTo = (to: string, which = 0): Promise<InboxMail> => until(() => first.inbox?.mails(to).at(-1 - which))
  const newestMail = (to: string): Promise<InboxMail> => until(() => first.inbox?.mails(to)[0])
  /** The code in the newest mail to an address. */
  const mailedCode = async (to: string): Promise<string> => codeIn((await newestMail(to)).text)
  /** The code of a challenge, derived as the service derives it, for tests that are not about mail. */
  const codeOf = (challenge: string): string => {
    const read = first.ctx.secrets.readChallenge(challenge)
    if (read === undefined) throw new Error('not a challenge of this service')
    return first.ctx.secrets.code(read)
  }
  /** A whole sign-in over HTTP. */
  const signIn = async (email: string, api: Api = first.api): Promise<Answer> => {
    const { body } = await api.requestOtp({ email })
    return await api.verifyOtp({ challenge: body.challenge, code: codeOf(body.challenge) })
  }
  return {
    ...first,
    databaseUrl: database.url,
    settings: shared,
    sql,
    another,
    mailTo,
    newestMail,
    mailedCode,
    codeOf,
    wrongCode,
    signIn
  }
}

/** The code that stands alone on a line of a mail's text. */
export function codeIn(text: string): string {
  const found = /^([0-9]{6,8}|[0-9A-HJKMNP-TV-Z]{13})$/m.exec(text)?.[1]
  if (found === undefined) throw new Error(`no code in: ${text}`)
  return found
}
