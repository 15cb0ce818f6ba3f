import { createRequire } from 'node:module'
import t from 'tap'
import { connectionsOf } from '../../src/db/connect.ts'
import { ownServer } from '../db/own-server.ts'
import { newKey, start, startInstance, until } from '../helper.ts'
import { answers, scrape } from './scrape.ts'

const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/prom-client/'))

t.test('without METRICS_PORT there is no port, and the library is not even loaded', async (t) => {
  const { metricsUrl, another, url } = await start(t)
  const loadedWithout = isLoaded()

  const other = await another({ METRICS_PORT: '0' })
  const atTheDoor = await fetch(`${url}/metrics`)

  t.equal(metricsUrl, undefined)
  t.equal(loadedWithout, false)
  t.match(other.metricsUrl, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  t.equal(isLoaded(), true)
  t.equal(atTheDoor.status, 404)
})

t.test('metrics are on their own port and never on the public one', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0' })

  const answer = await fetch(instance.metricsUrl as string)
  const text = await answer.text()
  const atTheDoor = await fetch(`${instance.url}/metrics`)

  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(text, /^postern_guesses_strained 0$/m)
  t.match(text, /^nodejs_eventloop_lag_p99_seconds \d/m)
  t.match(text, /^process_resident_memory_bytes \d/m)
  t.equal(atTheDoor.status, 404)
  t.notMatch(await atTheDoor.text(), /postern_/)
})

t.test('the port answers GET /metrics and nothing else', async (t) => {
  const instance = await start(t, { METRICS_PORT: '0' })
  const { origin } = new URL(instance.metricsUrl as string)
  const status = async (path: string, method = 'GET') => {
    const answer = await fetch(`${origin}${path}`, { method })
    return [answer.status, await answer.text()]
  }

  for (const path of ['/', '/livez', '/readyz', '/v1/session', '/openapi.json', '/metrics/', '/Metrics'])
    t.same(await status(path), [404, ''], path)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])
    t.same(await status('/metrics', method), [404, ''], method)
  t.equal((await status('/metrics?name=up'))[0], 200)
})

t.test('the port closes with the instance, whoever still holds a connection', async (t) => {
  const { metricsUrl, stop } = await start(t, { METRICS_PORT: '0' })
  await (await fetch(metricsUrl as string)).text()

  await stop()

  await t.rejects(fetch(metricsUrl as string))
})

t.test('a port that is taken refuses the start', async (t) => {
  const { metricsUrl, databaseUrl } = await start(t, { METRICS_PORT: '0' })
  const { port } = new URL(metricsUrl as string)

  await t.rejects(startInstance(t, databaseUrl, { SECRET_KEYS: newKey(), METRICS_PORT: port }), /EADDRINUSE/)
})

t.test('a database that is down costs one number and no scrape', async (t) => {
  const server = await ownServer(t)
  const instance = await startInstance(t, server.url, { SECRET_KEYS: newKey(), METRICS_PORT: '0' })
  const overdue = 'postern_mail_overdue_seconds'
  const before = await scrape(instance)

  await server.stopImmediately()
  await instance.api.requestOtp({ email: 'maya@example.com' })
  const down = await scrape(instance)
  await server.startAgain()
  const after = await until(async () => {
    const scraped = await scrape(instance)
    return scraped.value(overdue) === undefined ? undefined : scraped
  })

  t.equal(before.value(overdue), 0)
  t.equal(down.value(overdue), undefined)
  t.equal(down.value(answers('requestOtp', '503')), 1)
  t.equal(after.value(overdue), 0)
})

t.test('a database that falls silent is not waited for', async (t) => {
  const server = await ownServer(t)
  const instance = await startInstance(t, server.url, { SECRET_KEYS: newKey(), METRICS_PORT: '0' })
  await scrape(instance)

  const wake = await server.freeze()
  const begun = performance.now()
  const silent = await Promise.all(Array.from({ length: 20 }, () => scrape(instance)))
  const seconds = (performance.now() - begun) / 1000
  const { inUse, waiting } = connectionsOf(instance.ctx.db)
  wake()

  t.ok(silent.every(({ value }) => value('postern_mail_overdue_seconds') === undefined))
  t.ok(seconds < 5, `${seconds} s`)
  t.ok(inUse + waiting < 10, 'twenty scrapes ask the database once')
})
