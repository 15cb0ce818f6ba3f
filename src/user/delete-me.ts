import type { Client, Context } from '../context.ts'
import { Problem } from '../problems.ts'
import type { LiveSession } from '../session/store.ts'
import { deleteAccount } from './delete-account.ts'
import { draftNotice } from './draft-notice.ts'
import { deleteUser, findEmailKey } from './leaving-store.ts'

/** Deletes the caller's account, and notifies the address. */
export async function deleteMe(ctx: Context, { userId, sessionId }: LiveSession, client: Client): Promise<void> {
  const [account] = await findEmailKey(ctx.db, { userId })
  if (account === undefined) throw new Problem('session-rejected') // gone while the request was on its way
  const notice = draftNotice(ctx, 'account-deleted')
  await deleteAccount(ctx, account.emailKey, async (tx, addressMac) => {
    const [gone] = await deleteUser(tx, { ...notice.values, ...client, userId, sessionId, addressMac })
    if (gone === undefined) throw new Problem('session-rejected')
  })
  notice.offer()
}
