import t, { type Test } from 'tap'
import { sharedLook } from '../../src/lib/shared-look.ts'
import { jumpAhead } from '../jump-ahead.ts'

/** Looks that take so many seconds each by the clock, and what they found: their number. */
function looksOf(t: Test, seconds: number, fails = false) {
  let looks = 0
  return async () => {
    looks += 1
    jumpAhead(t, seconds)
    if (fails) throw new Error(`look ${looks}`)
    return looks
  }
}

t.test('who asks meanwhile shares a look, and it stands for a while', async (t) => {
  jumpAhead(t, 0)
  const ask = sharedLook(1, looksOf(t, 5))

  t.strictSame(await Promise.all([ask(), ask()]), [1, 1])
  jumpAhead(t, 0.9)
  t.equal(await ask(), 1)
  jumpAhead(t, 0.2)
  t.equal(await ask(), 2)
})

t.test('looks take no more than their share of the time: a long one stands for longer', async (t) => {
  jumpAhead(t, 0)
  const ask = sharedLook(1, looksOf(t, 2), 0.05)

  t.equal(await ask(), 1)
  jumpAhead(t, 37)
  t.equal(await ask(), 1)
  jumpAhead(t, 2)
  t.equal(await ask(), 2)
})

t.test('a failure stands no longer than any look, however long it took', async (t) => {
  jumpAhead(t, 0)
  const ask = sharedLook(1, looksOf(t, 5, true), 0.05)

  await t.rejects(ask(), { message: 'look 1' })
  jumpAhead(t, 0.9)
  await t.rejects(ask(), { message: 'look 1' })
  jumpAhead(t, 0.2)
  await t.rejects(ask(), { message: 'look 2' })
})
