import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import { presentUser } from './present.ts'
import type { User } from './schema.ts'
import { setLocale, type UserView } from './store.ts'

/** Changes what a person may change of their own account. Without a change it answers the account as it is. */
export async function updateMe(
  ctx: Context,
  user: UserView,
  changes: { locale?: string },
  client: Client
): Promise<User> {
  if (changes.locale === undefined) return presentUser(user)
  const [changed] = await setLocale(ctx.db, {
    id: user.userId,
    locale: changes.locale,
    eventId: newId(),
    ...client
  })
  if (changed === undefined) throw new Problem('session-rejected') // the account went while the request was on its way
  return presentUser(changed)
}
