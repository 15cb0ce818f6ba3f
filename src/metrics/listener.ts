import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { milliseconds } from '../lib/time.ts'
import type { Metrics } from './metrics.ts'

/** Seconds a scraper may take to send its request. */
const REQUEST_SECONDS = 10

export type Listener = {
  /** Where the metrics are. */
  url: string
  close: () => Promise<void>
}

/** Answers `GET /metrics` on a port of its own, and nothing else; it is not for clients of the service. */
export async function listen(
  metrics: Pick<Metrics, 'text' | 'contentType'>,
  { host, port, log }: { host: string; port: number; log: Logger }
): Promise<Listener> {
  const server = createServer({ requestTimeout: milliseconds(REQUEST_SECONDS) }, async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { connection: 'close' }).end()
      return
    }
    try {
      const text = await metrics.text()
      response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }).end(text)
    } catch (error) {
      log.error({ err: error }, 'could not collect metrics')
      response.writeHead(500, { connection: 'close' }).end()
    }
  })
  server.listen(port, host).unref() // a start that fails after this must end
  await once(server, 'listening')
  server.on('error', (error) => log.warn({ err: error }, 'a scrape was not served'))

  const { address, family, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/metrics`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
