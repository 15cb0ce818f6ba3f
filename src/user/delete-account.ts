import { lockBudgets } from '../budget/lock-store.ts'
import { forgetChallenges } from '../challenge/forget-store.ts'
import type { Context } from '../context.ts'
import { transaction } from '../db/statement.ts'
import type { Tx } from '../db/tables.ts'
import { forgetTrust } from '../device/store.ts'
import { forgetResets } from '../password/reset-store.ts'

/**
 * Deletes an account and everything that belongs to it, in one transaction.
 *
 * @param remove deletes the account's own row; when it throws, nothing is deleted
 */
export async function deleteAccount(
  { db, secrets }: Context,
  emailKey: string,
  remove: (tx: Tx, addressMac: Buffer) => Promise<void>
): Promise<void> {
  const addressMac = secrets.addressMac(emailKey)
  await transaction(db, async (tx) => {
    await lockBudgets(tx, { keys: [addressMac] })
    await forgetChallenges(tx, { emailKey })
    await forgetResets(tx, { emailKey })
    await remove(tx, addressMac)
    await forgetTrust(tx, { emailKey, keptId: null, sessionId: null })
  })
}
