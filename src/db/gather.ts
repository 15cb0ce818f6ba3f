import type { Db } from './tables.ts'

/** Look-ups that one statement answers at the most; more would make the first wait for the last. */
const AT_ONCE = 100

type Waiting<Key, Found> = {
  key: Key
  resolve: (found: Found | undefined) => void
  reject: (error: unknown) => void
}

/**
 * Lets look-ups that come in the same turn of the event loop share one statement. Each is still answered by a statement that began
 * after it was asked, so that nobody sees anything older than without; under load a round trip and a plan serve many.
 *
 * @param load finds all keys at once; rows name their key's place in the list, from 1
 */
export function gathered<Key, Found extends { place: number }>(
  load: (db: Db, keys: readonly Key[]) => Promise<Found[]>
): (db: Db, key: Key) => Promise<Found | undefined> {
  const lists = new WeakMap<Db, Waiting<Key, Found>[]>()

  const answer = async (db: Db, batch: readonly Waiting<Key, Found>[]): Promise<void> => {
    try {
      const rows = await load(
        db,
        batch.map(({ key }) => key)
      )
      const found = new Map(rows.map((row) => [row.place, row]))
      for (const [index, { resolve }] of batch.entries()) resolve(found.get(index + 1))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return (db, key) =>
    new Promise((resolve, reject) => {
      const list = lists.get(db) ?? []
      lists.set(db, list)
      list.push({ key, resolve, reject })
      if (list.length > 1) return
      setImmediate(() => {
        while (list.length > 0) void answer(db, list.splice(0, AT_ONCE))
      })
    })
}
