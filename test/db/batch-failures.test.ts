import { setImmediate as immediate } from 'node:timers/promises'
import t from 'tap'
import { batched } from '../../src/db/batch.ts'
import { DatabaseUnavailable } from '../../src/db/failure.ts'
import type { Db } from '../../src/db/tables.ts'

t.test('a row that somebody holds fails whoever needs it, and nobody who shared a statement', async (t) => {
  const asked: [readonly number[], number | undefined][] = []
  const look = batched(async (_db: Db, keys: readonly number[], tries?: number) => {
    asked.push([keys, tries])
    if (keys.includes(2)) throw Object.assign(new Error('lock timeout'), { code: '55P03' })
    return keys.map((key, index) => ({ place: index + 1, key }))
  })
  const db = {} as Db

  const outcomes = await Promise.allSettled([1, 2, 3].map((key) => look(db, key)))

  t.match(outcomes, [{ value: { key: 1 } }, { status: 'rejected', reason: { code: '55P03' } }, { value: { key: 3 } }])
  t.strictSame(asked, [
    [[1, 2, 3], 1],
    [[1], undefined],
    [[2], undefined],
    [[3], undefined]
  ])
})

t.test('a statement that fails fails for all who share it, and for nobody after', async (t) => {
  let broken = true
  const look = batched(async (_db: Db, keys: readonly number[]) => {
    if (broken) throw new Error('out of reach')
    return keys.map((key, index) => ({ place: index + 1, key }))
  })
  const db = {} as Db

  const failed = await Promise.allSettled([look(db, 1), look(db, 2)])
  broken = false
  const found = await look(db, 3)

  t.ok(failed.every(({ status }) => status === 'rejected'))
  t.equal(found?.key, 3)
})

t.test('in an outage nobody waits for a turn to learn of it', async (t) => {
  const asked: number[] = []
  const change = batched(
    async (_db: Db, keys: readonly number[]): Promise<{ place: number }[]> => {
      asked.push(...keys)
      if (asked.length > 1) await new Promise(() => undefined)
      throw new DatabaseUnavailable('out of reach')
    },
    { maxInFlight: 1, conflictKey: () => 'the same row' }
  )
  const db = {} as Db

  const [first] = [1, 2, 3, 4].map((key) => change(db, key))
  await t.rejects(first as Promise<unknown>, DatabaseUnavailable)
  await immediate()

  t.strictSame(asked, [1, 2, 3, 4])
})
