import type { Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { type Administered, disableUser, enableUser, endSessionsOf } from './operator-store.ts'

const acts = { disable: disableUser, enable: enableUser, 'end-sessions': endSessionsOf } as const
export type Act = keyof typeof acts

/**
 * Does to an account what an operator may do: close it and end its sessions, open it again, end its sessions only.
 * Undefined when there is no such account.
 */
export async function administer(ctx: Context, act: Act, emailKey: string): Promise<Administered | undefined> {
  const [done] = await acts[act](ctx.db, { emailKey, emailMac: ctx.secrets.addressMac(emailKey), eventId: newId() })
  return done
}
