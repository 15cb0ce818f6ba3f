import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as immediate } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { MINUTE, milliseconds } from '../../src/lib/time.ts'
import { SharedCounts } from '../../src/limit/shared-counts.ts'
import { until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { redisServer } from './redis-server.ts'

/** Counts in the Redis of a URL, one more at each call; undefined when it was not reached. */
function countsAt(t: Test, url: string): (key: string) => Promise<number | undefined> {
  const counts = new SharedCounts({ url, log: pino({ level: 'silent' }) })
  counts.start()
  t.teardown(() => counts.stop())
  return async (key) => (await counts.add(key, milliseconds(MINUTE)))?.current
}

/** One address whose new connections lead to whichever server is named: as the name of a cluster does after a failover. */
async function movable(t: Test, first: string) {
  let port = Number(new URL(first).port)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined))
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const moveTo = (url: string): void => {
    port = Number(new URL(url).port)
  }
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, moveTo }
}

t.test('a Redis that hangs is waited for once, and then left alone for a second', async (t) => {
  const { url, hang, wake } = await redisServer(t)
  const count = countsAt(t, url)
  await until(() => count('warm'))
  hang()

  const waited = await count('maya')
  const next = await Promise.race([count('maya'), immediate('it waits again')])
  wake()
  jumpAhead(t, 1.5)
  const later = await count('noor')

  t.equal(waited, undefined)
  t.equal(next, undefined, 'the next one is not held up')
  t.equal(later, 1, 'and then it is asked again')
})

t.test('a Redis that has become a replica is left for the one that took over', async (t) => {
  const [old, successor] = [await redisServer(t), await redisServer(t)]
  const cluster = await movable(t, old.url)
  const count = countsAt(t, cluster.url)
  await until(() => count('warm'))

  await old.command('replicaof', ...new URL(successor.url).host.split(':'))
  cluster.moveTo(successor.url)

  t.equal(await count('maya'), undefined, 'it may no longer count')
  await until(() => count('noor')) // after its pause
  t.equal(await successor.command('dbsize'), 1)
})
