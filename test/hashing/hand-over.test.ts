import t from 'tap'
import { HandOver } from '../../src/hashing/hand-over.ts'

t.test('a result waits for others only while they come soon and more jobs wait', async (t) => {
  const given: string[] = []
  const handOver = new HandOver()
  const add = (name: string, waiting: number, next: number) =>
    handOver.add(() => void given.push(name), { waiting, next })

  add('others soon', 9, 0.02)
  t.strictSame(given, [])
  add('others late', 9, 0.2)
  t.strictSame(given, ['others soon', 'others late'])
  add('nobody else', 3, 0.02)
  t.strictSame(given.slice(2), ['nobody else'])
  for (const name of ['one', 'two', 'three', 'four']) add(name, 9, 0.02)
  t.strictSame(given.slice(3), ['one', 'two', 'three', 'four'])
})
