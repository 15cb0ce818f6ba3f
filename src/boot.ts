import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { refuseUsedAddresses, testModeNotice } from './challenge/test-address.ts'
import { composeMails } from './compose-mails.ts'
import { type Config, isProduction } from './config.ts'
import type { Context } from './context.ts'
import { connect } from './db/connect.ts'
import { startEmbedded } from './db/embedded.ts'
import { isOutage } from './db/failure.ts'
import { migrate } from './db/migrate.ts'
import { Passwords } from './hashing/passwords.ts'
import { Housekeeper } from './housekeeping/housekeeper.ts'
import { buildApp } from './http/app.ts'
import { keyFault, readinessOf } from './http/readiness.ts'
import { developmentKey } from './keys/development-key.ts'
import { overlapOf, rotateAgedSigningKeys } from './keys/rotate.ts'
import { secretsOf } from './keys/secrets.ts'
import { SigningKeys } from './keys/signing.ts'
import { domainOf } from './lib/email.ts'
import { readSender } from './lib/sender.ts'
import { suggester } from './lib/suggestion.ts'
import { testAddresses } from './lib/test-address.ts'
import { DAY, milliseconds } from './lib/time.ts'
import { GuessTally } from './limit/guess-tally.ts'
import type { SharedCounts } from './limit/shared-counts.ts'
import { CONNECTIONS, Courier, SEND_DEADLINE } from './mail/courier.ts'
import { type DevInbox, devInbox } from './mail/dev-inbox.ts'
import { mailDrafter } from './mail/draft.ts'
import { rendererOf } from './mail/renderer-of.ts'
import { smtpTransport } from './mail/transport.ts'
import { openMetrics } from './open-metrics.ts'

/** Seconds after which another key signs access tokens: one that leaked unnoticed is useful no longer than that. */
const SIGNING_KEY_AGE = 90 * DAY

export type Instance = {
  ctx: Context
  app: FastifyInstance
  /** Where it listens. */
  url: string
  /** Where the metrics are, if METRICS_PORT is set. */
  metricsUrl: string | undefined
  inbox: DevInbox | undefined
  courier: Pick<Courier, 'offer'>
  housekeeper: Pick<Housekeeper, 'stop' | 'purge' | 'rotate'>
  /** Ready flips, requests and mails under way finish, connections close. @param linger seconds to serve while not ready */
  stop: (linger?: number) => Promise<void>
}

/** Opens the database that the settings name, or the embedded one. */
export async function openDatabase(config: Config, log: Logger): Promise<{ url: string; close: () => Promise<void> }> {
  if (config.DATABASE_URL !== undefined) return { url: config.DATABASE_URL, close: async () => undefined }
  const embedded = await startEmbedded({ dataDir: config.DATA_DIR, say: (line) => log.info(line) })
  log.info(`embedded Postgres under ${config.DATA_DIR}, for development only; set DATABASE_URL for anything else`)
  return { url: embedded.url, close: embedded.stop }
}

const mailHostOf = (config: Config): string =>
  domainOf(readSender(config.MAIL_FROM, { anyHost: true })?.address ?? 'localhost')

/** Puts the parts together; nothing is connected or started yet. */
export async function assemble(config: Config, databaseUrl: string, log: Logger) {
  const keys = config.SECRET_KEYS.length > 0 ? config.SECRET_KEYS : [developmentKey(config.DATA_DIR)]
  const secrets = secretsOf(keys.map((key) => Buffer.from(key, 'base64url')))
  const db = connect({
    url: databaseUrl,
    poolSize: config.DATABASE_POOL_SIZE,
    statementTimeout: config.DATABASE_STATEMENT_TIMEOUT,
    prepared: config.DATABASE_PREPARED,
    onIdleError: (error) => log.warn({ reason: error.message }, 'an idle database connection broke')
  })
  const renderer = await rendererOf(config)
  const inbox =
    config.SMTP_URL === undefined && !isProduction(config) ? devInbox({ from: config.MAIL_FROM }) : undefined
  const transport =
    inbox ??
    smtpTransport({
      url: config.SMTP_URL as string,
      from: config.MAIL_FROM,
      connections: CONNECTIONS,
      deadline: SEND_DEADLINE
    })
  const tested = testAddresses(config.TEST_ADDRESSES)
  const compose = composeMails({ db, config, secrets, renderer }, tested)
  const courier = new Courier({ db, transport, compose, keyIds: secrets.ring.ids, log })
  const signing = new SigningKeys({ db, secrets, issuer: config.PUBLIC_URL, audience: config.TOKEN_AUDIENCE })
  const passwords = new Passwords({ db, config, log })
  const guesses = new GuessTally({ db, log })
  const ctx: Context = {
    config,
    db,
    secrets,
    signing,
    draftMail: mailDrafter(courier, mailHostOf(config)),
    passwords,
    guesses,
    suggest: suggester(config.EMAIL_SUGGESTION_DOMAINS),
    locales: renderer.locales,
    testAddresses: tested,
    log
  }
  return { ctx, courier, passwords, guesses, inbox }
}

const housekeeperOf = ({ db, log, secrets, config }: Context): Housekeeper =>
  new Housekeeper({
    db,
    log,
    eventRetention: config.EVENT_RETENTION,
    mailRetention: config.MAIL_RETENTION,
    rotateKeys: () => rotateAgedSigningKeys(db, secrets, overlapOf(config), SIGNING_KEY_AGE)
  })

/** Loads the client of the shared counts only where there are any. */
async function countTogether(url: string, log: Logger): Promise<SharedCounts> {
  const { SharedCounts } = await import('./limit/shared-counts.ts')
  return new SharedCounts({ url, log })
}

/** Adds the names of the settings behind a failure, which its own message lacks. */
const blame =
  (names: string) =>
  (error: Error): never => {
    throw new Error(`${names}: ${error.message}`, { cause: error })
  }

/** Starts one instance: schema, keys, courier, the listener last. A failed start closes everything, or the process would hang. */
export async function boot(config: Config, log: Logger): Promise<Instance> {
  const started = new AsyncDisposableStack()
  try {
    return await startParts(config, log, started)
  } catch (error) {
    await started.disposeAsync().catch((fault) => log.warn({ err: fault }, 'could not stop what had already started'))
    throw error
  }
}

/** @param started what was started and must be stopped, last first */
async function startParts(config: Config, log: Logger, started: AsyncDisposableStack): Promise<Instance> {
  const database = await openDatabase(config, log)
  started.defer(database.close)
  const ran = await migrate(database.url, (line) => log.warn(line)).catch((error: Error) => {
    return isOutage(error) && config.DATABASE_URL !== undefined ? blame('DATABASE_URL')(error) : Promise.reject(error)
  })
  if (ran.length > 0) log.info({ migrations: ran }, 'the schema was brought up to date')

  let draining = false
  const { ctx, courier, passwords, guesses, inbox } = await assemble(config, database.url, log)
  started.defer(() => ctx.db.destroy())
  started.defer(() => passwords.stop())
  await refuseUsedAddresses(ctx)
  await passwords.start()
  const notice = testModeNotice(ctx.testAddresses)
  if (notice !== undefined) log.warn(notice)
  started.defer(() => ctx.signing.stop())
  await ctx.signing.start((error) => log.warn({ err: error }, 'the signing keys could not be reloaded'))
  const fault = await keyFault(ctx)
  if (fault !== undefined) log.warn(`not ready: ${fault}`)
  started.defer(() => guesses.stop())
  await guesses.start()
  const shared = config.REDIS_URL === undefined ? undefined : await countTogether(config.REDIS_URL, log)
  started.defer(() => shared?.stop())
  shared?.start()
  const metrics = await openMetrics({ ctx, courier, passwords }).catch(blame('HOST, METRICS_PORT'))
  started.defer(() => metrics?.close())
  started.defer(() => courier.stop())
  const housekeeper = housekeeperOf(ctx)
  started.defer(() => housekeeper.stop())
  const app = await buildApp(ctx, {
    ready: readinessOf(ctx, () => draining),
    inbox,
    shared,
    draining: () => draining,
    observe: metrics?.observe
  })
  started.defer(() => app.close()) // added last, so it stops first: what it promised is still sent
  const url = await app
    .listen({ host: config.HOST, port: config.PORT, listenTextResolver: (at) => `listening on ${at}` })
    .catch(blame('HOST, PORT'))
  courier.start()
  housekeeper.start()

  const stop = async (linger = 0): Promise<void> => {
    draining = true
    await new Promise((resolve) => setTimeout(resolve, milliseconds(linger)))
    await started.disposeAsync()
  }
  return { ctx, app, url, metricsUrl: metrics?.url, inbox, courier, housekeeper, stop }
}
