import type { Test } from 'tap'
import type { Context } from '../../src/context.ts'
import { newId } from '../../src/lib/identifier.ts'
import { MINUTE } from '../../src/lib/time.ts'
import type { Answer } from '../contract-client.ts'
import { type Api, type Settings, start } from '../helper.ts'

export const SECOND = 1
export const LATER = 61 * MINUTE

/** A world with one person signed in, and hands to turn the clock of a session. */
export async function startSignedIn(t: Test, settings: Settings = {}) {
  const world = await start(t, settings)
  const email = 'maya@example.com'
  const { body: session } = await world.signIn(email)
  const sessionId: string = session.session.id

  /** Makes the session older, as if so many seconds had passed. */
  const letPass = async (seconds: number, id: string = sessionId): Promise<void> => {
    const moments = ['created_at', 'authenticated_at', 'rotated_at', 'parent_rotated_at', 'last_used_at']
    const times = [...moments, 'idle_expires_at', 'expires_at'].map(
      (column) => `${column} = ${column} - $2 * interval '1 second'`
    )
    await world.sql(`update postern.session set ${times.join(', ')} where id = $1`, [id, seconds])
  }
  const refresh = (token: string, api: Api = world.api): Promise<Answer> => api.refreshSession({ refresh_token: token })
  /** Refreshes once and answers the new refresh token; throws when it is refused. */
  const step = async (token: string, api: Api = world.api): Promise<string> => {
    const answer = await refresh(token, api)
    if (answer.status !== 200) throw new Error(`the refresh was answered ${answer.status}`)
    return answer.body.refresh_token
  }
  const events = (kind: string) =>
    world.sql<{ kind: string; outcome: string; user_id: string; request_id: string }>(
      'select kind, outcome, user_id, request_id from postern.event where kind = $1',
      [kind]
    )
  return { ...world, email, session, sessionId, token: session.refresh_token as string, letPass, refresh, step, events }
}

/** An access token of a session that ran out so many seconds ago. */
export function expiredToken(ctx: Context, { user, session }: Answer['body'], secondsAgo: number): string {
  const exp = Math.floor(Date.now() / 1000) - secondsAgo
  return ctx.signing.sign({ sub: user.id, sid: session.id, jti: newId(), iat: exp - 600, exp, amr: ['otp'] })
}

/** Asserts that an answer refuses as `code` says. */
export function refused(t: Test, answer: Answer, code: string, what: string = code): void {
  t.match({ status: answer.status, problem: answer.problem }, { status: 401, problem: { code } }, what)
}
