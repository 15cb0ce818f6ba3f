import { lockBudgets } from '../budget/lock-store.ts'
import { forgetChallenges } from '../challenge/forget-store.ts'
import type { Client, Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import { forgetTrust } from '../device/store.ts'
import { forgetResets } from '../password/reset-store.ts'
import { Problem } from '../problems.ts'
import type { LiveSession } from '../session/store.ts'
import { draftNotice } from './draft-notice.ts'
import { deleteUser, findEmailKey } from './leaving-store.ts'

/** Deletes an account and everything that belongs to it, in one transaction, and notifies the address. */
export async function deleteMe(ctx: Context, { userId, sessionId }: LiveSession, client: Client): Promise<void> {
  const [account] = await findEmailKey(ctx.db, { userId })
  if (account === undefined) throw new Problem('session-rejected') // gone while the request was on its way
  const { emailKey } = account
  const addressMac = ctx.secrets.addressMac(emailKey)
  const notice = draftNotice(ctx, 'account-deleted')

  await transaction(ctx.db, async (tx) => {
    await lockBudgets(tx, { keys: [addressMac] })
    await forgetChallenges(tx, { emailKey })
    await forgetResets(tx, { emailKey })
    const [gone] = await deleteUser(tx, { ...notice.values, ...client, userId, sessionId, addressMac })
    if (gone === undefined) throw new Problem('session-rejected')
    await forgetTrust(tx, { emailKey, keptId: null, sessionId: null })
  })
  notice.offer()
}
