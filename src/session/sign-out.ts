import type { Client, Context } from '../context.ts'
import { refusalOf } from '../keys/missing-keys.ts'
import { newId } from '../lib/identifier.ts'
import { HOUR } from '../lib/time.ts'
import { Problem, problems } from '../problems.ts'
import { readBearer } from './authenticate.ts'
import { endSessionById, endSessionBySeed } from './own-store.ts'

/** Seconds past its end in which an access token still signs out: somebody comes back to an open page. One in an old log does not. */
const GOOD_TO_LEAVE = HOUR

/**
 * Ends the session that a refresh token or a bearer names. It is no error if the session is already gone. An access token that has
 * run out within the hour is enough: it proves whose session it is. Without a genuine token of either kind it refuses.
 */
export async function signOut(
  ctx: Context,
  tokens: { refreshToken: string | undefined; authorization: string | undefined },
  client: Client
): Promise<void> {
  const event = { eventId: newId(), ...client }
  if (tokens.refreshToken !== undefined) {
    const given = ctx.secrets.readRefresh(tokens.refreshToken)
    if (given === undefined) throw await refusalOf(ctx, tokens.refreshToken, 'refresh-rejected')
    await endSessionBySeed(ctx.db, { ...event, id: given.sessionId, seedHash: ctx.secrets.seedHash(given.seed) })
    return
  }
  const claims = await readBearer(ctx, tokens.authorization)
  // By this instance's clock and not the database's: no two differ by so much that it matters here.
  if (claims === undefined || claims.exp < Date.now() / 1000 - GOOD_TO_LEAVE) throw new Problem('session-rejected')
  await endSessionById(ctx.db, { ...event, id: claims.sid })
}

/**
 * Ends the session of a browser's cookie, and that of its bearer if it is a different one. Refuses neither: valid or not, the
 * browser gets rid of them.
 */
export async function signOutBrowser(
  ctx: Context,
  { cookie, authorization }: { cookie: string; authorization: string | undefined },
  client: Client
): Promise<void> {
  const byCookie = await failureOf(signOut(ctx, { refreshToken: cookie, authorization: undefined }, client))
  const byBearer = await failureOf(signOut(ctx, { refreshToken: undefined, authorization }, client))
  // A cookie whose key is missing here proves nothing, but where it names the bearer's session, that has ended.
  const ended = byBearer === undefined ? (await readBearer(ctx, authorization))?.sid : undefined
  if (ended !== undefined && ended === ctx.secrets.sessionNamedBy(cookie)) return
  for (const error of [byCookie, byBearer]) if (error !== undefined && !isRejection(error)) throw error
}

const failureOf = (work: Promise<void>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error
  )

const isRejection = (error: unknown): boolean => error instanceof Problem && problems[error.code].status === 401
