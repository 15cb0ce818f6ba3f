import t from 'tap'
import { Turns } from '../../src/lib/turns.ts'

t.test('work of one name goes in order, whatever became of the work before it', async (t) => {
  const turns = new Turns({ most: 10, refusal: () => new Error('too many wait') })
  const done: string[] = []
  const take = (name: string, what: string, fails = false) =>
    turns.take(name, async () => {
      await new Promise(setImmediate)
      done.push(what)
      if (fails) throw new Error(what)
      return what
    })

  const taken = await Promise.allSettled([take('maya', 'one', true), take('maya', 'two'), take('ines', 'hers')])

  t.strictSame(done, ['one', 'hers', 'two'])
  t.match(taken, [{ reason: { message: 'one' } }, { value: 'two' }, { value: 'hers' }])
})

t.test('beyond so many that wait, one more of the same name is refused', async (t) => {
  const turns = new Turns({ most: 2, refusal: () => new Error('too many wait') })
  const gate = Promise.withResolvers<void>()
  const takes = ['maya', 'maya', 'maya', 'ines'].map((name) => turns.take(name, () => gate.promise))

  await t.rejects(
    turns.take('maya', async () => undefined),
    { message: 'too many wait' }
  )
  gate.resolve()
  await Promise.all(takes)
  await t.resolves(turns.take('maya', async () => undefined))
})
