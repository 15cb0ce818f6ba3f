import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { presentUser } from './present.ts'
import type { User } from './schema.ts'
import { setLocale, type UserView } from './store.ts'

/** Changes what a person may change of their own account. Without a change it answers the account as it is. */
export async function updateMe(
  ctx: Context,
  caller: UserView & { sessionId: string },
  changes: { locale?: string },
  client: Client
): Promise<User> {
  if (changes.locale === undefined) return presentUser(caller)
  const [changed] = await setLocale(ctx.db, {
    userId: caller.userId,
    sessionId: caller.sessionId,
    locale: changes.locale,
    eventId: newId(),
    ...client
  })
  if (changed === undefined) throw new Problem('session-rejected') // it ended while the request was on its way
  return presentUser(changed)
}
