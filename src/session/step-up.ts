import type { Context } from '../context.ts'
import { Problem } from '../problems.ts'
import { isSignInRecent } from './own-store.ts'
import type { LiveSession } from './store.ts'

/** Refuses with `step-up-required` unless the person behind a session has proved who they are within the last minutes. */
export async function ensureRecentSignIn(ctx: Context, session: LiveSession): Promise<void> {
  const [found] = await isSignInRecent(ctx.db, { id: session.sessionId })
  if (found === undefined) throw new Problem('session-rejected')
  if (!found.recent) throw new Problem('step-up-required')
}
