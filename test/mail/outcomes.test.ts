import { mock } from 'node:test'
import t from 'tap'
import type { Db } from '../../src/db/tables.ts'
import { newId } from '../../src/lib/identifier.ts'
import { DomainQueues } from '../../src/mail/domain-queues.ts'
import { Outcomes } from '../../src/mail/outcomes.ts'

const sent = () => ({ id: newId(), state: 'sent' as const, answer: '250 ok' })
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A database on which a statement takes until it is let go; those that have begun are counted. */
function slowDatabase() {
  const underWay: (() => void)[] = []
  let begun = 0
  const executeQuery = () =>
    new Promise((resolve) => {
      begun += 1
      underWay.push(() => resolve({ rows: [] }))
    })
  const letGo = async () => {
    for (const end of underWay.splice(0)) end()
    await turn()
  }
  return { db: { executeQuery } as unknown as Db, begun: () => begun, letGo }
}

t.test('what is settled while marks are being written is written next, however long that takes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { db, begun, letGo } = slowDatabase()
  const queues = new DomainQueues(10)
  const outcomes = new Outcomes(db, queues, (error) => t.fail(error as Error))

  outcomes.add(sent())
  mock.timers.tick(250)
  outcomes.add(sent())
  mock.timers.tick(250) // its time has come, and the first is still under way
  await letGo()
  mock.timers.tick(250)
  t.equal(begun(), 2)

  for (let nth = 1; nth <= 60; nth++) outcomes.add(sent())
  let ran = 0
  queues.push({
    domain: 'example.com',
    run: async () => {
      ran += 1
      return {}
    }
  })
  mock.timers.tick(250)
  t.equal(ran, 0, 'nothing is sent while a whole batch waits')
  await letGo()
  mock.timers.tick(250)
  await letGo()
  t.equal(begun(), 3)
  t.equal(ran, 1)
})
