import { readdirSync } from 'node:fs'
import t from 'tap'
import { start, until } from '../helper.ts'
import { LIMITED, tally } from '../limit/asking.ts'
import { rawSocket } from '../raw-socket.ts'

t.test('pages and the contract have one quota together, whichever of them is asked for and how', async (t) => {
  const { app } = await start(t, LIMITED)
  const ask = (url: string, remoteAddress: string, method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ method, url, remoteAddress })
  const paths = [
    '/openapi.json',
    '/docs/json',
    '/docs/static/swagger-ui.css',
    '/problems',
    '/problems/not-found',
    '/docs'
  ]

  const answers = []
  for (let nth = 0; nth < 300; nth++) answers.push(await ask(paths[nth % paths.length] as string, '192.0.2.1'))
  const over = await Promise.all(paths.map((path) => ask(path, '192.0.2.1')))
  const head = await ask('/openapi.json', '192.0.2.1', 'HEAD')
  const other = await ask('/openapi.json', '192.0.2.2')

  t.notOk(answers.some(({ statusCode }) => statusCode >= 400))
  t.strictSame(tally(over.map(({ statusCode }) => ({ status: statusCode }))), { 429: paths.length })
  t.equal(head.statusCode, 429)
  t.equal(other.statusCode, 200)
})

t.test('the contract that the reference page brings of its own is the one there is', async (t) => {
  const { url } = await start(t)
  const committed = await (await fetch(`${url}/openapi.json`)).json()

  for (const path of ['/docs/json', '/docs/yaml']) {
    const answer = await fetch(url + path)
    t.equal(answer.url, `${url}/openapi.json`, path)
    t.strictSame(await answer.json(), committed)
  }
})

const openDescriptors = (): number => readdirSync('/dev/fd').length

t.test('a thousand answers that nobody reads take next to no memory', async (t) => {
  const { url, api } = await start(t)
  await fetch(`${url}/openapi.json`)
  const before = process.memoryUsage().rss
  const silent = await Promise.all(Array.from({ length: 25 }, () => rawSocket(t, url, { paused: true })))

  for (const socket of silent) socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(60))
  await until(async () => (await api.getLiveness()).status === 200)
  const grown = (process.memoryUsage().rss - before) / 2 ** 20

  t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
})

t.test('the files of the reference page are read once, whoever does not read them', async (t) => {
  const { url, api } = await start(t)
  const bundle = '/docs/static/swagger-ui-bundle.js'
  const read = await fetch(url + bundle)
  t.match([read.status, read.headers.get('content-type')], [200, /^text\/javascript/])
  t.ok((await read.text()).length > 1_000_000)
  t.equal((await fetch(`${url}/docs/static/csp.json`)).status, 404)
  const before = process.memoryUsage().rss
  const descriptors = openDescriptors()
  const silent = await Promise.all(Array.from({ length: 20 }, () => rawSocket(t, url, { paused: true })))

  for (const socket of silent) socket.write(`GET ${bundle} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(50))
  for (let nth = 0; nth < 100; nth++) await api.getLiveness() // by now all that was sent has been read

  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
  t.ok(openDescriptors() - descriptors <= 50, 'their own two ends at the most')
})
