import t from 'tap'
import { Gate } from '../../src/lib/gate.ts'

const gateOf = (places: number, patience = 10) =>
  new Gate({ places, patience, refusal: () => new Error('too many wait') })

/** Work that runs until it is told to end. */
function work(name: string, begun: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const run = () => {
    begun.push(name)
    return promise
  }
  return { run, end: () => resolve(name), fail: () => reject(new Error(name)) }
}

t.test('no more pass than there are places, and the next in order of arrival', async (t) => {
  const gate = gateOf(2)
  const begun: string[] = []
  const works = ['a', 'b', 'c', 'd'].map((name) => work(name, begun))
  const passed = works.map(({ run }) => gate.pass(run))

  await new Promise(setImmediate)
  t.strictSame(begun, ['a', 'b'])
  works[1]?.end()
  t.equal(await passed[1], 'b')
  await new Promise(setImmediate)
  t.strictSame(begun, ['a', 'b', 'c'])
  works[0]?.fail()
  await t.rejects(passed[0] as Promise<string>, { message: 'a' })
  await new Promise(setImmediate)
  t.strictSame(begun, ['a', 'b', 'c', 'd'], 'a failure gives its place back too')
  for (const { end } of works) end()
  await Promise.allSettled(passed)
})

t.test('who waits too long is refused and never runs', async (t) => {
  const gate = gateOf(1, 0.01)
  const begun: string[] = []
  const [first, second, third] = ['a', 'b', 'c'].map((name) => work(name, begun))
  const held = gate.pass(first?.run as () => Promise<string>)
  await t.rejects(gate.pass(second?.run as () => Promise<string>), { message: 'too many wait' })

  first?.end()
  await held
  third?.end()
  t.equal(await gate.pass(third?.run as () => Promise<string>), 'c')
  t.strictSame(begun, ['a', 'c'])
})
