import { lockBudgets } from '../budget/lock-store.ts'
import type { Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { forgetTrust } from '../device/store.ts'
import { newId } from '../lib/identifier.ts'
import { spendResets } from '../password/reset-store.ts'
import { type Administered, disableUser, enableUser, endSessionsOf } from './operator-store.ts'

const acts = { disable, enable: enableUser, 'end-sessions': endSessionsOf } as const
export type Act = keyof typeof acts

/**
 * The operator's actions on an account: close it and end its sessions, links and all trust; open it again; only end its sessions.
 * Undefined when there is no such account.
 */
export async function administer(ctx: Context, act: Act, emailKey: string): Promise<Administered | undefined> {
  const [done] = await acts[act](ctx.db, { emailKey, addressMac: ctx.secrets.addressMac(emailKey), eventId: newId() })
  return done
}

async function disable(db: Db, account: Parameters<typeof disableUser>[1]): Promise<Administered[]> {
  const { emailKey, addressMac } = account
  return await transaction(db, async (tx) => {
    await lockBudgets(tx, { keys: [addressMac] })
    await spendResets(tx, { emailKey }) // dead links would take the places of new ones once the account is enabled
    const done = await disableUser(tx, account)
    await forgetTrust(tx, { emailKey, keptId: null, sessionId: null })
    return done
  })
}
