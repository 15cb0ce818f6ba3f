import t from 'tap'
import { LocalCounts } from '../../src/limit/local-counts.ts'
import { jumpAhead } from '../jump-ahead.ts'

t.test('a window ends, and the next begins at one', async (t) => {
  const counts = new LocalCounts()

  const seen = [1, 2, 3].map(() => counts.add('a', 60_000).current)
  const over = [1, 2].map(() => counts.add('b', 0).current)

  t.strictSame(seen, [1, 2, 3])
  t.strictSame(over, [1, 1])
})

t.test('made-up keys fill no memory, and a bucket in use outlasts them', async (t) => {
  const counts = new LocalCounts(100)

  let mine = 0
  for (let nth = 0; nth < 10_000; nth++) {
    counts.add(`made-up-${nth}`, 60_000)
    if (nth % 50 === 0) mine = counts.add('mine', 60_000).current
  }

  t.equal(counts.size, 100)
  t.equal(mine, 200)
})

t.test('a window ends a minute after it began, however often is counted meanwhile', async (t) => {
  const counts = new LocalCounts()
  jumpAhead(t, 0)
  counts.add('mine', 60_000)

  jumpAhead(t, 40)
  t.strictSame(counts.add('mine', 60_000), { current: 2, ttl: 20_000 })
  jumpAhead(t, 19.9999) // what is left rounds to nothing
  t.strictSame(counts.add('mine', 60_000), { current: 1, ttl: 60_000 })
})
