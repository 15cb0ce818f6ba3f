import { Client } from 'undici'

/** Sends one request on its own connection and gives the answer's JSON; anything but 2xx throws. */
export type Send = <T>(method: 'GET' | 'POST', path: string, body?: object, token?: string) => Promise<T>

/** The same, whatever the status is. */
type Exchange = (
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  token?: string
) => Promise<{ status: number; text: string }>

/** One unit of a row's work. @returns false when what was prepared for it is used up */
export type Step = (send: Send) => Promise<boolean>

export type Limits = { seconds: number; steps?: number }
type Slice = { rate: number; latencies: number[] }

/** Opens connections, each warm before anything is measured. */
export async function connections(url: string, count: number): Promise<{ sends: Send[]; close: () => Promise<void> }> {
  const clients = Array.from({ length: count }, () => new Client(url, { pipelining: 1 }))
  const sends = clients.map(sender)
  await Promise.all(sends.map((send) => send('GET', '/livez')))
  return { sends, close: async () => void (await Promise.all(clients.map((client) => client.close()))) }
}

function sender(client: Client): Send {
  const exchange = exchanger(client)
  return async <T>(method: 'GET' | 'POST', path: string, body?: object, token?: string): Promise<T> => {
    const { status, text } = await exchange(method, path, body, token)
    if (status >= 200 && status < 300) return JSON.parse(text) as T
    throw new Error(`${method} ${path} answered ${status}: ${text}`)
  }
}

export function exchanger(client: Client): Exchange {
  return (method, path, body, token) =>
    new Promise((resolve, reject) => {
      const headers: Record<string, string> = { 'user-agent': 'postern-bench' }
      if (body !== undefined) headers['content-type'] = 'application/json'
      if (token !== undefined) headers.authorization = `Bearer ${token}`
      const chunks: Buffer[] = []
      let status = 0
      // `dispatch` and not `request`: without streams the generator takes less of the two cores from both sides.
      client.dispatch(
        { method, path, headers, body: body === undefined ? null : JSON.stringify(body) },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, statusCode) => {
            status = statusCode
          },
          onResponseData: (_controller, chunk) => {
            chunks.push(chunk)
          },
          onResponseEnd: () => {
            const text = (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString()
            resolve({ status, text })
          },
          onResponseError: (_controller, error) => reject(new Error(`${method} ${path}: ${error.message}`))
        }
      )
    })
}

/** Runs a step again and again on a number of connections, one at a time on each. @param limits whichever is met first */
export async function runSlice(url: string, count: number, step: Step, limits: Limits): Promise<Slice> {
  const { sends, close } = await connections(url, count)
  const latencies: number[] = []
  const start = performance.now()
  const end = start + limits.seconds * 1000
  let left = limits.steps ?? Number.POSITIVE_INFINITY
  const loop = async (send: Send): Promise<void> => {
    let began = performance.now()
    while (began < end && left-- > 0 && (await step(send))) {
      const done = performance.now()
      latencies.push(done - began)
      began = done
    }
  }
  await Promise.all(sends.map(loop))
  const elapsed = (performance.now() - start) / 1000
  await close()
  return { rate: latencies.length / elapsed, latencies }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}
