import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { ResultBatcher } from '../../src/hashing/result-batcher.ts'

function handingOver(t: Test) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const given: string[] = []
  const handOver = new ResultBatcher()
  const add = (name: string, { waiting = 9, next = 0.01 } = {}) =>
    handOver.add(() => void given.push(name), { waiting, next })
  return { given, add }
}

t.test('a result waits for others only while they come soon and more jobs wait', async (t) => {
  const { given, add } = handingOver(t)
  add('others soon')
  t.strictSame(given, [])
  add('others late', { next: 0.2 })
  t.strictSame(given, ['others soon', 'others late'])
  add('nobody else', { waiting: 3 })
  t.strictSame(given.slice(2), ['nobody else'])
})

t.test('no more than twelve are handed over together', async (t) => {
  const { given, add } = handingOver(t)
  const dozen = Array.from({ length: 12 }, (_, index) => String(index))
  for (const name of dozen.slice(0, 11)) add(name)
  t.strictSame(given, [])
  add('11')
  t.strictSame(given, dozen)
})

t.test('the first waits a tenth of a second at the most', async (t) => {
  const { given, add } = handingOver(t)
  add('first')
  mock.timers.tick(60)
  add('second')
  mock.timers.tick(39)
  t.strictSame(given, [])
  mock.timers.tick(1)
  t.strictSame(given, ['first', 'second'])
  add('third')
  mock.timers.tick(99)
  t.strictSame(given.slice(2), [], 'and is counted from its own first')
  mock.timers.tick(1)
  t.strictSame(given.slice(2), ['third'])
})
