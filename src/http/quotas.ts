import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { prefixOf } from '../lib/network.ts'
import { MINUTE, milliseconds } from '../lib/time.ts'
import { bucketStore } from '../limit/buckets.ts'
import { EndedSessions } from '../limit/ended-sessions.ts'
import { FullNetworks } from '../limit/full-networks.ts'
import { QUOTA_HEADERS, QUOTA_WINDOW, quotaOf } from '../limit/quotas.ts'
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
  full: FullNetworks<Spent>
  ended: EndedSessions
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

  const full = new FullNetworks<Spent>()
  const ended = new EndedSessions()

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
  app.addHook('onResponse', async ({ shownSession: shown, refusedWith, liveSession, routeOptions }, reply) => {
    if (shown === undefined) return
    const status = routeOptions.config.limits?.readsBody ? reply.statusCode : undefined
    const isRefused = refusedWith === 'session-rejected' || refusedWith === 'refresh-rejected'
    if (status === 204)
      ended.note(shown.id) // signed out, if it was not before
    else if (liveSession !== null || status === 200) ended.forget(shown.id)
    else if (isRefused && shown.until > Date.now() / 1000 + SKEW) ended.note(shown.id)
  })
}

/** Counts a request, and refuses it when its bucket is full. */
async function count(ctx: Context, limits: Limits, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const session = limits.holder === 'session' ? await shownBy(ctx, limits, request) : undefined
  request.shownSession = session
  if (session !== undefined && session.until > Date.now() / 1000 - LONG_OVER && !limits.ended.has(session.id)) {
    const spent = await take(request, limits.own, `${limits.operation}:session:${session.id}`)
    if (spent?.isExceeded) refuse(reply, spent, limits, 'session')
    return
  }

  const address = clientAddressOf(request)
  const network = `${limits.operation}:wide:${prefixOf(address, { ipv4: 24, ipv6: 48 })}`
  const full = limits.full.find(network)
  if (full !== undefined) refuse(reply, full, limits, 'network')
  const own = await take(request, limits.own, `${limits.operation}:${prefixOf(address, { ipv4: 32, ipv6: 64 })}`)
  if (own?.isExceeded) refuse(reply, own, limits, 'client')
  // Refused requests do not count here: one client that hammers must not use up its neighbours' share.
  const wide = await take(request, limits.wide, network)
  if (wide?.isExceeded) {
    limits.full.note(network, wide)
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

const HOLDERS = { client: 'IP address', session: 'session', network: 'network' } as const

function refuse(reply: FastifyReply, spent: Spent, { operation }: Limits, limit: keyof typeof HOLDERS): never {
  tell(reply, spent)
  throw new Problem('too-many-requests', {
    detail: `${operation} is limited to ${spent.max} requests a minute per ${HOLDERS[limit]}.`,
    retryAfter: spent.ttlInSeconds,
    limit
  })
}

function tell(reply: FastifyReply, { max, remaining, ttlInSeconds }: Spent): void {
  const [limit, left, reset] = QUOTA_HEADERS
  reply.header(limit, max).header(left, remaining).header(reset, ttlInSeconds)
}
