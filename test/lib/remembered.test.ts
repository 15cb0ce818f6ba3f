import t from 'tap'
import { Remembered } from '../../src/lib/remembered.ts'
import { jumpAhead } from '../jump-ahead.ts'

t.test('what is noted is found for so many seconds, and how many are left of them', async (t) => {
  jumpAhead(t, 0)
  const remembered = new Remembered<string>(10)
  remembered.note('maya', 'one', 60)

  jumpAhead(t, 59.5)
  const found = remembered.find('maya')
  t.equal(found?.value, 'one')
  t.equal(Math.ceil(found?.left ?? 0), 1)
  jumpAhead(t, 1.1)
  t.equal(remembered.find('maya'), undefined)
})

t.test('beyond so many what was noted first is forgotten, and noting it again counts', async (t) => {
  const remembered = new Remembered<number>(3)
  for (const [nth, name] of ['a', 'b', 'c', 'a', 'd'].entries()) remembered.note(name, nth, 60)

  t.strictSame(
    ['a', 'b', 'c', 'd'].map((name) => remembered.find(name)?.value),
    [3, undefined, 2, 4]
  )
})
