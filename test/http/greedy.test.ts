import t from 'tap'
import { start, until } from '../helper.ts'
import { rawSocket, readAnswer } from '../raw-socket.ts'

const pathsByStatus = { 200: '/livez', 404: '/nothing', 405: '/v1/otp' }
const statusesIn = (said: string): string[] =>
  [...said.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status as string)

t.test('a client that sends dozens of requests without waiting gets all answers in order', async (t) => {
  const { url } = await start(t)
  const socket = await rawSocket(t, url)
  const requests = Object.values(pathsByStatus).map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)

  for (let round = 1; round <= 5; round++) {
    socket.write(requests.join('').repeat(20))
    await until(() => statusesIn(socket.said()).length === 60 * round)
  }

  t.strictSame(statusesIn(socket.said()), Array.from({ length: 100 }, () => Object.keys(pathsByStatus)).flat())
})

for (const [what, header] of [
  ['requests', ''],
  ['requests that expect something', 'Expect: nothing\r\n']
] as const)
  t.test(`a client that sends a hundred ${what} at once is cut off, and the next is served`, async (t) => {
    const { url, api } = await start(t)
    const socket = await rawSocket(t, url)
    let isClosed = false
    void socket.closed.then(() => {
      isClosed = true
    })

    socket.write(`GET /nothing HTTP/1.1\r\nHost: x\r\n${header}\r\n`.repeat(100))
    await until(() => isClosed || statusesIn(socket.said()).length === 100)

    t.ok(isClosed)
    t.ok(statusesIn(socket.said()).length <= 64)
    t.equal((await api.getLiveness()).status, 200)
  })

t.test('a body without end that goes nowhere is not read: the answer closes the connection', async (t) => {
  const { url } = await start(t)

  for (const [path, status] of [
    ['/nothing', 404],
    ['/livez', 405]
  ] as const)
    for (const length of ['Content-Length: 100000000000', 'Transfer-Encoding: chunked']) {
      const socket = await rawSocket(t, url)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n${length}\r\n\r\n`)
      await socket.closed
      t.match(readAnswer(socket.said()), { status }, `${path} ${length}`)
      t.equal(socket.said().split('HTTP/1.1 ').length, 2, 'and not a 408 in its time')
    }
})

t.test('a connection on which nothing moves is given up, but not one that waits for its next request', async (t) => {
  const { app, url } = await start(t)
  t.ok(app.server.timeout <= 120_000)
  app.server.setTimeout(500)
  const kept = await rawSocket(t, url)
  const ask = () => kept.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  ask()
  await until(() => statusesIn(kept.said()).length === 1)

  await (await rawSocket(t, url)).closed // has said nothing, and is given up
  ask()
  await until(() => statusesIn(kept.said()).length === 2)
})
