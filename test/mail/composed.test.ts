import t from 'tap'
import { DatabaseUnavailable } from '../../src/db/failure.ts'
import { newId } from '../../src/lib/identifier.ts'
import { apart, type Compose } from '../../src/mail/composed.ts'

const rows = ['one', 'odd', 'two'].map(
  (subjectId) => ({ id: newId(), kind: 'code', subjectId, messageId: '<1@a.b>' }) as const
)

t.test('a mail that cannot be composed keeps no other from leaving', async (t) => {
  const faults: unknown[] = []
  const compose: Compose = async (all) =>
    all.map((row) => {
      if (row.subjectId === 'odd') throw new Error('a template that stumbles')
      return { id: row.id, state: 'dropped' as const }
    })

  const composed = await apart(compose, (error) => faults.push(error))(rows)

  t.strictSame(
    composed.map(({ id }) => id),
    [rows[0]?.id, rows[2]?.id]
  )
  t.match(faults, [{ message: 'a template that stumbles' }])
})

t.test('an outage is told once, and not asked about again for each mail', async (t) => {
  let asked = 0
  const compose: Compose = async () => {
    asked += 1
    throw new DatabaseUnavailable(new Error('gone'))
  }

  await t.rejects(apart(compose, () => t.fail('told as a fault of its own'))(rows), DatabaseUnavailable)

  t.equal(asked, 1)
})

t.test('nor is one that begins in the middle: what was composed before it leaves', async (t) => {
  let asked = 0
  const faults: unknown[] = []
  const compose: Compose = async (all) => {
    asked += 1
    if (asked === 1) throw new Error('a template that stumbles')
    if (asked > 2) throw new DatabaseUnavailable(new Error('gone'))
    return all.map((row) => ({ id: row.id, state: 'dropped' as const }))
  }

  const composed = await apart(compose, (error) => faults.push(error))(rows)

  t.equal(asked, 3)
  t.equal(composed.length, 1)
  t.equal(faults.length, 1)
})
