import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { prefixOf } from '../lib/network.ts'
import { Remembered } from '../lib/remembered.ts'
import { MINUTE, milliseconds } from '../lib/time.ts'
import { bucketStore } from '../limit/buckets.ts'
import { type Holder, QUOTA_HEADERS, QUOTA_WINDOW, quotaOf, usedUp } from '../limit/quotas.ts'
import type { SharedCounts } from '../limit/shared-counts.ts'
import { Problem } from '../problems.ts'
import { shownCookie } from '../refresh-cookie.ts'
import { claimsOf, clientAddressOf, needsSession } from '../routing.ts'

type Limiter = ReturnType<FastifyInstance['createRateLimit']>
/** `until`: how long the token is good, seconds since 1970. */
type ShownSession = { id: string; until: number }
type Spent = { max: number; remaining: number; ttlInSeconds: number; isExceeded: boolean }

/** An operation's buckets: how many requests a minute, and whom they are counted for. */
type Limits = {
  operation: string
  own: Limiter
  wide: Limiter
  full: Remembered<Spent>
  ended: Remembered<true>
  holder: 'client' | 'session'
  readsBody: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The key of the bucket that is being counted in. */
    bucket: string
    /** The session whose genuine token it carries. */
    shownSession: ShownSession | undefined
  }
  interface FastifyContextConfig {
    limits?: Limits
  }
}

/** Seconds past its end from which an access token has no quota: whoever finds one in an old log could use up its owner's. */
const LONG_OVER = 5 * MINUTE
/** Seconds by which this clock and the database's, which judges tokens, may differ. */
const SKEW = MINUTE

/** Seconds for which a session is remembered as ended. */
const ENDED_FOR = 10 * MINUTE
/** Some 2 MB when all are there. */
const MOST_ENDED = 20_000
const MOST_FULL = 1000

/** Pages for people to read, which count as one operation; the demo and the dev inbox do not exist in production. */
const PAGES = /^\/(docs|problems|openapi\.json)(\/|$)/

/**
 * Counts requests per client or session and operation. The key contains the operation and not the path, so that no spelling of a
 * path escapes its bucket. Call it before the first route.
 *
 * @param shared where all instances count together, if there is such a place
 */
export async function limitClients(app: FastifyInstance, ctx: Context, shared?: SharedCounts): Promise<void> {
  app.decorateRequest('bucket', '')
  app.decorateRequest('shownSession', undefined)
  if (!ctx.config.CLIENT_LIMITS) return
  await app.register(rateLimit, { global: false, store: bucketStore(shared) })

  const limiterOf = (max: number): Limiter =>
    app.createRateLimit({ max, timeWindow: milliseconds(QUOTA_WINDOW), keyGenerator: (request) => request.bucket })

  // Wide networks whose quota is used up, by operation. Their requests need no bucket of an address any more: whoever owns a /48 has
  // 65,536 of them, and could push everybody else's out of memory.
  const full = new Remembered<Spent>(MOST_FULL)
  // Sessions whose genuine tokens were refused. They have no quota of their own any more, or whoever has signed in and out a thousand
  // times would have a thousand.
  const ended = new Remembered<true>(MOST_ENDED)

  app.addHook('onRoute', (route) => {
    const operation = route.schema?.operationId ?? (PAGES.test(route.url) ? 'pages' : undefined)
    const bound = needsSession(route.schema?.security)
    const quota = operation === undefined ? undefined : quotaOf(operation, bound)
    if (operation === undefined || quota === undefined) return
    const limits: Limits = {
      operation,
      own: limiterOf(quota.own),
      wide: limiterOf(quota.wide),
      full,
      ended,
      holder: quota.holder,
      readsBody: quota.holder === 'session' && !bound
    }
    route.config = { ...route.config, limits }
    if (!limits.readsBody) return
    route.preValidation = [
      route.preValidation ?? [],
      (request: FastifyRequest, reply: FastifyReply) => count(ctx, limits, request, reply)
    ].flat()
    route.errorHandler = async (error, request, reply) => {
      if (request.bucket === '') await count(ctx, limits, request, reply) // its body could not be read
      throw error
    }
  })

  // On the app and not on the route, so that it runs before any hook that looks for the session.
  app.addHook('onRequest', async (request, reply) => {
    const limits = request.routeOptions.config?.limits
    if (limits !== undefined && !limits.readsBody) await count(ctx, limits, request, reply)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { shownSession: shown } = request
    const isOver = shown && hasEnded(request, shown, reply.statusCode)
    if (shown && isOver) ended.note(shown.id, true, ENDED_FOR)
    if (shown && isOver === false) ended.forget(shown.id)
    done()
  })
}

/** Whether the session that a request showed has ended, by its answer; undefined where that does not say. */
function hasEnded(request: FastifyRequest, shown: ShownSession, status: number): boolean | undefined {
  const { refusedWith, liveSession, routeOptions } = request
  const readsBody = routeOptions.config?.limits?.readsBody === true
  if (readsBody && status === 204) return true // signed out, if it was not before
  if (liveSession !== null || (readsBody && status === 200)) return false
  const isRefused = refusedWith === 'session-rejected' || refusedWith === 'refresh-rejected'
  return isRefused && shown.until > Date.now() / 1000 + SKEW ? true : undefined
}

/** Counts a request, and refuses it when its bucket is full. */
async function count(ctx: Context, limits: Limits, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const session = limits.holder === 'session' ? await shownBy(ctx, limits, request) : undefined
  request.shownSession = session
  if (session !== undefined && session.until > Date.now() / 1000 - LONG_OVER && !limits.ended.find(session.id)) {
    const spent = await take(request, limits.own, `${limits.operation}:session:${session.id}`)
    if (spent?.isExceeded) refuse(reply, spent, limits, 'session')
    return
  }

  const address = clientAddressOf(request)
  const network = `${limits.operation}:wide:${prefixOf(address, { ipv4: 24, ipv6: 48 })}`
  const full = limits.full.find(network)
  if (full !== undefined) refuse(reply, { ...full.value, ttlInSeconds: Math.ceil(full.left) }, limits, 'network')
  const own = await take(request, limits.own, `${limits.operation}:${prefixOf(address, { ipv4: 32, ipv6: 64 })}`)
  if (own?.isExceeded) refuse(reply, own, limits, 'client')
  // Refused requests do not count here: one client that hammers must not use up its neighbours' share.
  const wide = await take(request, limits.wide, network)
  if (wide?.isExceeded) {
    limits.full.note(network, wide, wide.ttlInSeconds)
    refuse(reply, wide, limits, 'network')
  }
  if (own && wide && session === undefined) tell(reply, wide.remaining < own.remaining ? wide : own)
}

async function take(request: FastifyRequest, limiter: Limiter, bucket: string): Promise<Spent | undefined> {
  request.bucket = bucket
  const spent = await limiter(request)
  return spent.isAllowed ? undefined : spent
}

/** The session whose genuine token a request carries; whether it is live is checked later, in the database. */
async function shownBy(ctx: Context, limits: Limits, request: FastifyRequest): Promise<ShownSession | undefined> {
  const body = request.body as { refresh_token?: unknown } | undefined
  const shown = limits.readsBody ? (body?.refresh_token ?? shownCookie(request)) : undefined
  if (typeof shown === 'string') {
    const id = ctx.secrets.readRefresh(shown)?.sessionId
    return id === undefined ? undefined : { id, until: Number.POSITIVE_INFINITY }
  }
  const claims = await claimsOf(ctx, request)
  return claims && { id: claims.sid, until: claims.exp }
}

function refuse(reply: FastifyReply, spent: Spent, { operation }: Limits, limit: Holder): never {
  tell(reply, spent)
  throw new Problem('too-many-requests', {
    detail: usedUp(operation, spent.max, limit),
    retryAfter: spent.ttlInSeconds,
    limit
  })
}

function tell(reply: FastifyReply, { max, remaining, ttlInSeconds }: Spent): void {
  const [limit, left, reset] = QUOTA_HEADERS
  reply.header(limit, max).header(left, remaining).header(reset, ttlInSeconds)
}
