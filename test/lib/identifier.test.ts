import t from 'tap'
import { derivedId, idFromBytes, idsOfDays, idToBytes, newId } from '../../src/lib/identifier.ts'
import { otherDays } from '../days.ts'

t.test('fresh ids are UUIDs of version 7, all different', async (t) => {
  const ids = Array.from({ length: 1000 }, newId)

  t.equal(new Set(ids).size, 1000)
  for (const id of ids) t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

t.test('an id begins with its millisecond, so that new rows land at the end of an index', async (t) => {
  const before = Date.now()
  const times = Array.from({ length: 1000 }, () => Number.parseInt(newId().replace('-', '').slice(0, 12), 16))
  const after = Date.now()

  t.ok(times.every((time, index) => time >= (times[index - 1] ?? before)))
  t.ok((times.at(-1) as number) <= after)
})

t.test('the same parts always give the same id, of version 8', async (t) => {
  const id = derivedId('challenge', 'a-key', 'maya@example.com')

  t.equal(id, derivedId('challenge', 'a-key', 'maya@example.com'))
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

t.test('other parts give another id, also when they read the same in a row', async (t) => {
  const ids = [
    derivedId('challenge', 'ab', 'c'),
    derivedId('challenge', 'a', 'bc'),
    derivedId('challenge', 'abc'),
    derivedId('challenge', 'abc', ''),
    derivedId('session', 'ab', 'c'),
    derivedId('challenge', 'ab1:', 'c'),
    derivedId('challenge', 'ab', '1:c')
  ]

  t.equal(new Set(ids).size, ids.length)
})

t.test('ids of one day are looked for on the days before and after, and on no other', async (t) => {
  const goTo = otherDays(t)
  const idsOn = (day: number) => {
    goTo(day)
    return idsOfDays('challenge', 'a-key', 'maya@example.com')
  }

  const [before, today, after, later] = [-1, 0, 1, 3].map(idsOn) as ReturnType<typeof idsOn>[]

  t.strictSame(today, [today?.[0], before?.[0], after?.[0]])
  t.ok(before?.includes(today?.[0] as string) && after?.includes(today?.[0] as string))
  t.equal(new Set([...(today ?? []), ...(later ?? [])]).size, 6)
  t.not(idsOn(0)[0], idsOfDays('challenge', 'a-key', 'noor@example.com')[0])
})

t.test('an id survives its way through bytes', async (t) => {
  const id = newId()

  t.equal(idToBytes(id).length, 16)
  t.equal(idFromBytes(idToBytes(id)), id)
})
