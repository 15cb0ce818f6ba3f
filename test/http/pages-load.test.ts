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

t.test('a thousand answers that nobody reads take next to no memory', async (t) => {
  const { url, api } = await start(t)
  await fetch(`${url}/openapi.json`)
  const before = process.memoryUsage().rss
  const silent = await rawSocket(t, url, { paused: true })

  silent.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1500))
  await until(async () => (await api.getLiveness()).status === 200)
  const grown = (process.memoryUsage().rss - before) / 2 ** 20

  t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
})
