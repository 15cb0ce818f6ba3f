import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { boot, type Instance } from '../src/boot.ts'
import { makeLog } from '../src/cli/log.ts'
import { readConfig } from '../src/config.ts'
import type { InboxMail } from '../src/mail/dev-inbox.ts'
import {
  type Answer,
  type Body,
  type CallOptions,
  call,
  type OperationId,
  operationIds,
  takesBody
} from './contract-client.ts'
import { makeDatabase, testServer } from './database.ts'

type WithBody<Id extends OperationId> = (body?: Body<Id>, options?: CallOptions) => Promise<Answer>
type WithoutBody = (options?: CallOptions) => Promise<Answer>
/** Every operation of the contract by its name, with the bodies that the generated types allow. */
export type Api = { [Id in OperationId]: [Body<Id>] extends [never] ? WithoutBody : WithBody<Id> }

/** Every operation against one instance; each exchange is held against the contract. */
export function apiOf(base: string): Api {
  const methods = operationIds.map((id) => [
    id,
    takesBody(id)
      ? (body?: unknown, options?: CallOptions) => call(base, id, body, options)
      : (options?: CallOptions) => call(base, id, undefined, options)
  ])
  return Object.fromEntries(methods) as Api
}

export type Settings = Record<string, string>

/** One instance of the service as a test sees it. */
export type Running = Instance & { api: Api; log: string[] }

/** 32 random bytes as SECRET_KEYS wants them. */
export const newKey = (): string => randomBytes(32).toString('base64url')

/** A code of the same form that is certainly another. */
export const wrongCode = (code: string): string => code.replace(/.$/, (last) => (last === '7' ? '8' : '7'))

type Nothing = undefined | null | false | 0 | ''

/** Looks again until something is there, or is so; for what another part does in its own time. @param patience seconds */
export async function until<T>(look: () => T | Promise<T>, patience = 15): Promise<Exclude<T, Nothing>> {
  const end = performance.now() + patience * 1000
  for (;;) {
    const found = await look()
    if (found) return found as Exclude<T, Nothing>
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
  const config = readConfig({
    PORT: '0',
    PUBLIC_URL: 'http://localhost:3000',
    DATABASE_URL: databaseUrl,
    CLIENT_LIMITS: 'off', // a test asks more often than a person; the tests of quotas turn them on
    ...settings
  })
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

  const { sql } = database
  /** As after an hour in which no mail went anywhere. */
  const emptyLanes = () => sql(`update postern.address_budget set lanes = '{}'`)
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
  /** So many challenges of one address, asked for by turns, as they would be over hours: a lane takes five at once. */
  const askOften = async (times: number, email: string, apis: readonly Api[] = [first.api]): Promise<string[]> => {
    const challenges: string[] = []
    while (challenges.length < times) {
      await emptyLanes()
      const round = Array.from({ length: Math.min(5, times - challenges.length) }, (_, at) =>
        (apis[at % apis.length] as Api).requestOtp({ email })
      )
      challenges.push(...(await Promise.all(round)).map(({ body }) => body.challenge))
    }
    return challenges
  }
  /** A whole sign-in over HTTP, however often the address was mailed before. */
  const signIn = async (email: string, api: Api = first.api): Promise<Answer> => {
    const challenge = await until(async () => {
      await emptyLanes() // another sign-in of the same moment may fill them again
      return (await api.requestOtp({ email })).body?.challenge as string | undefined
    })
    return await api.verifyOtp({ challenge, code: codeOf(challenge) })
  }
  return {
    ...first,
    databaseUrl: database.url,
    settings: shared,
    sql,
    emptyLanes,
    another,
    mailTo,
    newestMail,
    mailedCode,
    codeOf,
    askOften,
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
