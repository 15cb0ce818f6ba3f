import type { Context } from '../context.ts'
import { BEFORE_ALL, newId } from '../lib/identifier.ts'
import { writeUser } from './portable.ts'
import { findUsersAfter, noteExport } from './portable-store.ts'

const AT_ONCE = 1000

/** Every account as a line that `importUsers` reads, a thousand at a time. The audit records the export. */
export async function* exportUsers(ctx: Context): AsyncGenerator<string> {
  await noteExport(ctx.db, { eventId: newId() })
  let last = BEFORE_ALL
  for (;;) {
    const users = await findUsersAfter(ctx.db, { id: last, most: AT_ONCE })
    if (users.length === 0) return
    yield users.map((user) => `${writeUser(user)}\n`).join('')
    last = (users.at(-1) as { id: string }).id
  }
}
