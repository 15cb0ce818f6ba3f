import { Client } from 'undici'
import { type Child, residentMemory, startHelper } from './children.ts'
import { exchanger, percentile } from './load.ts'
import { PASSWORD } from './members.ts'

export type Burst = {
  logins: number
  /** How many answers of each status. */
  answers: Record<number, number>
  seconds: number
  /** MiB at the most above what it was before. */
  growth?: number
  /** Milliseconds of /livez meanwhile. */
  health: { looks: number; p99: number; most: number }
}

/** Milliseconds between two looks at the memory. */
const LOOK_EVERY = 25

/** Has each of the members log in at the same moment, every other with a wrong password, over a connection of its own. */
export async function burst(server: Child, emails: readonly string[]): Promise<Burst> {
  const clients = emails.map(() => new Client(server.url, { pipelining: 1 }))
  const sends = clients.map(exchanger)
  for (const send of sends) await send('GET', '/livez')
  const health = startHelper('probe.ts', [server.url])
  try {
    await health.first
    await health.ask('start')
    const before = residentMemory(server.process)
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most ?? 0, residentMemory(server.process) ?? 0)
    }, LOOK_EVERY)

    const start = performance.now()
    const statuses = await Promise.all(
      sends.map(async (send, turn) => {
        const password = turn % 2 === 0 ? PASSWORD : `${PASSWORD} not`
        return (await send('POST', '/v1/login', { email: emails[turn], password })).status
      })
    )
    const seconds = (performance.now() - start) / 1000
    // JSON has no infinity, which stands for a look that failed.
    const looks = (await health.ask<(number | null)[]>('stop')).map((look) => look ?? Number.POSITIVE_INFINITY)
    clearInterval(watch)
    const answers: Record<number, number> = {}
    for (const status of statuses) answers[status] = (answers[status] ?? 0) + 1
    return {
      logins: emails.length,
      answers,
      seconds,
      ...(before !== undefined && most !== undefined && { growth: most - before }),
      health: { looks: looks.length, p99: percentile(looks, 0.99), most: Math.max(...looks) }
    }
  } finally {
    health.stop()
    await Promise.all(clients.map((client) => client.close()))
  }
}
