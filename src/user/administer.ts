import { nobody } from '../audit/store.ts'
import { lockBudgets } from '../budget/lock-store.ts'
import type { Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { forgetTrust } from '../device/store.ts'
import { newId } from '../lib/identifier.ts'
import { spendResets } from '../password/reset-store.ts'
import { findAccount } from './account-store.ts'
import { deleteAccount } from './delete-account.ts'
import { draftNotice } from './draft-notice.ts'
import { deleteUserByOperator } from './leaving-store.ts'
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

/** Deletes an account for somebody who cannot do so, and notifies the address. Returns how many sessions it had; undefined when there is no such account. */
export async function deleteByOperator(ctx: Context, emailKey: string): Promise<number | undefined> {
  const [account] = await findAccount(ctx.db, { emailKey })
  if (account === undefined) return undefined
  const { values } = draftNotice(ctx, 'account-deleted') // no courier runs here: an instance sends it
  await deleteAccount(ctx, emailKey, async (tx, addressMac) => {
    const [gone] = await deleteUserByOperator(tx, { ...values, ...nobody, emailKey, addressMac })
    if (gone === undefined) throw new Error('The account was deleted by somebody else just now.')
  })
  return account.sessions
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
