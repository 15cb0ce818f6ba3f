import t from 'tap'
import { DomainQueues } from '../../src/mail/domain-queues.ts'

/** Jobs that end when they are told to, and a list of those that were started. */
function makeJobs(queues: DomainQueues) {
  const started: string[] = []
  const ends = new Map<string, (stuck?: boolean) => void>()
  const push = (domain: string, name = domain) =>
    queues.push({
      domain,
      run: () => {
        started.push(name)
        return new Promise((resolve) => ends.set(name, (stuck) => resolve(stuck === undefined ? {} : { stuck })))
      }
    })
  const end = async (name: string, stuck?: boolean) => {
    ends.get(name)?.(stuck)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { started, push, end }
}

const names = (domain: string, count: number) => Array.from({ length: count }, (_, nth) => `${domain} ${nth + 1}`)

t.test('a domain that hangs holds half of the queues at the most, and the others run beside it', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)

  for (const name of names('hangs', 100)) push('hangs', name)
  push('fine', 'fine 1')
  await end('fine 1')
  push('fine', 'fine 2')

  t.strictSame(started, ['hangs 1', 'hangs 2', 'fine 1', 'fine 2'])
})

t.test('a domain that kept us waiting in vain is tried with one lane until a job of it ends well', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)
  for (const name of names('hangs', 5)) push('hangs', name)

  await end('hangs 1', true)
  await end('hangs 2', true)
  const whileStuck = [...started]
  await end('hangs 3', false)

  t.strictSame(whileStuck, ['hangs 1', 'hangs 2', 'hangs 3'])
  t.strictSame(started, names('hangs', 5))
})

t.test('a domain is remembered as stuck while nothing waits for it', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)
  push('hangs', 'hangs 1')
  await end('hangs 1', true)

  push('hangs', 'hangs 2')
  push('hangs', 'hangs 3')

  t.strictSame(started, ['hangs 1', 'hangs 2'])
})

t.test('a job that was given up untried says nothing about its domain', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)
  for (const name of names('hangs', 4)) push('hangs', name)

  await end('hangs 1', true)
  await end('hangs 2')

  t.strictSame(started, ['hangs 1', 'hangs 2', 'hangs 3'])
})

t.test('domains take turns, however many jobs one of them has', async (t) => {
  const queues = new DomainQueues(1)
  const { started, push, end } = makeJobs(queues)
  for (const name of names('big', 50)) push('big', name)
  push('small', 'small 1')
  push('small', 'small 2')

  for (const name of ['big 1', 'big 2', 'small 1', 'big 3']) await end(name)

  t.strictSame(started, ['big 1', 'big 2', 'small 1', 'big 3', 'small 2'])
})

t.test('only what could run on a free lane counts as waiting, not what queues behind its own domain', async (t) => {
  const queues = new DomainQueues(4)
  const { push } = makeJobs(queues)

  for (const name of names('hangs', 100)) push('hangs', name)
  const behindOne = queues.waiting
  for (const domain of ['a', 'b', 'c', 'd', 'e']) push(domain)

  t.equal(behindOne, 0)
  t.equal(queues.waiting, 4, 'one slot is for domains that have answered')
})

t.test(
  'domains that were never tried leave some slots to those that answered, and those that hang nearly all',
  async (t) => {
    const queues = new DomainQueues(10)
    const { started, push, end } = makeJobs(queues)
    push('fine', 'fine 1')
    await end('fine 1', false)
    const invented = names('invented', 30)
    for (const domain of invented) push(domain)

    push('fine', 'fine 2')
    const beside = [...started]
    for (const domain of invented.slice(0, 7)) await end(domain, true)
    for (const domain of invented.slice(7)) await end(domain, true)
    const before = started.length
    for (const domain of invented) push(domain, `${domain} again`)

    t.strictSame(beside, ['fine 1', ...invented.slice(0, 7), 'fine 2'])
    t.strictSame(started.slice(before), ['invented 1 again', 'invented 2 again'])
    t.equal(queues.waiting, 0, 'and they keep nothing from being composed')
  }
)

t.test('one hiccup of a domain that has answered costs it no more than its reserve', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)
  push('fine', 'fine 1')
  await end('fine 1', false)
  push('fine', 'hiccup')
  await end('hiccup', true)

  push('fine', 'fine 2')
  push('fine', 'fine 3')
  const after = [...started]
  await end('fine 2', true)
  await end('fine 3', true)
  push('fine', 'fine 4')
  push('fine', 'fine 5')

  t.strictSame(after, ['fine 1', 'hiccup', 'fine 2', 'fine 3'])
  t.strictSame(started.slice(4), ['fine 4'], 'the next one does')
})

t.test('of domains that were tried long ago nothing is left', async (t) => {
  const queues = new DomainQueues(2)
  const { started, push, end } = makeJobs(queues)
  for (const domain of names('hangs', 1001)) {
    push(domain)
    await end(domain, true)
  }

  push('hangs 1', 'first 1')
  push('hangs 1001', 'last 1')
  push('hangs 1001', 'last 2')

  t.strictSame(started.slice(1001), ['first 1', 'last 1'])
})

t.test('a domain that is tried again and again is not forgotten with those of long ago', async (t) => {
  const queues = new DomainQueues(4)
  const { started, push, end } = makeJobs(queues)
  for (const [nth, domain] of names('tried', 1500).entries()) {
    push(domain)
    await end(domain, false)
    if (nth % 900 > 0) continue
    push('hangs', `hangs ${nth}`)
    await end(`hangs ${nth}`, true)
  }

  const before = started.length
  push('hangs', 'again 1')
  push('hangs', 'again 2')

  t.strictSame(started.slice(before), ['again 1'])
})

t.test('however many domains are invented, few of their jobs count as waiting', async (t) => {
  const queues = new DomainQueues(10)
  const { push, end } = makeJobs(queues)
  push('fine', 'fine 1')
  await end('fine 1', false)
  for (const domain of names('invented', 100)) push(domain)

  t.equal(queues.waiting, 25)
  for (const name of names('fine again', 5)) push('fine', name)
  t.equal(queues.waiting, 27, 'and what waits for others is counted besides')
})

t.test('a pause lets jobs end and starts none; what waited goes on afterwards', async (t) => {
  const queues = new DomainQueues(1)
  const { started, push, end } = makeJobs(queues)
  for (const name of names('fine', 2)) push('fine', name)

  queues.pause()
  await end('fine 1')
  const paused = [...started]
  queues.resume()

  t.strictSame(paused, ['fine 1'])
  t.strictSame(started, ['fine 1', 'fine 2'])
})

t.test('closing waits for the jobs under way and starts no other', async (t) => {
  const queues = new DomainQueues(2)
  const { started, push, end } = makeJobs(queues)
  for (const name of names('fine', 3)) push('fine', name)

  let closed = false
  const closing = queues.close().then(() => {
    closed = true
  })
  await end('nobody')
  const tooEarly = closed
  await end('fine 1')
  await closing
  push('late')

  t.equal(tooEarly, false)
  t.strictSame(started, ['fine 1'])
})
