import { pages } from '../db/pages.ts'
import type { Db } from '../db/tables.ts'
import { newId } from '../lib/identifier.ts'
import { endCodesOf, endSessionsAfter, forgetTrusted } from './store.ts'

/** Rows per statement: some tenths of a second, far below its time limit, and nobody waits long for a row. */
const AT_ONCE = 10_000

/**
 * Ends everything that a leaked master key may have given away: the codes and links it makes, and every session and all trust,
 * because no row records how the session was obtained. A session that a computed code opened names the newest key after its first
 * refresh. In this order, so that a sign-in by such a code is either refused or among the sessions. May be run again.
 */
export async function endEverything(
  db: Db,
  key: { keyId: string; newestKeyId: string }
): Promise<{ sessions: number; challenges: number }> {
  const [codes] = await endCodesOf(db, { ...key, eventId: newId() })
  let sessions = 0
  for await (const { ended } of pages((afterId) => endSessionsAfter(db, { afterId, most: AT_ONCE }))) sessions += ended
  let forgotten: number | undefined
  do forgotten = (await forgetTrusted(db, { most: AT_ONCE }))[0]?.forgotten
  while (forgotten)
  return { sessions, challenges: codes?.challenges ?? 0 }
}
