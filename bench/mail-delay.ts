import { setTimeout as sleep } from 'node:timers/promises'
import { connections, percentile } from './load.ts'
import { newAddress } from './side.ts'
import { type Arrival, machineTime } from './sink.ts'
import type { World } from './world.ts'

/** Milliseconds from the 202 to the mail's last byte at the mail server. */
export type MailDelay = { perSecond: number; mails: number; p50: number; p95: number; most: number }

const CONNECTIONS = 8
const PATIENCE = 15_000

/** Asks for codes at a steady pace and times each mail. */
export async function mailDelay({ service, sink }: World, perSecond: number, seconds: number): Promise<MailDelay> {
  const { sends, close } = await connections(service.url, CONNECTIONS)
  await sink.ask('watch')
  const answered = new Map<string, number>()
  const underway: Promise<void>[] = []
  const start = performance.now()
  for (let turn = 0; turn < perSecond * seconds; turn++) {
    await sleep(Math.max(0, start + (turn * 1000) / perSecond - performance.now()))
    const email = newAddress()
    const send = sends[turn % CONNECTIONS]
    if (send === undefined) throw new Error('no connection')
    underway.push(send('POST', '/v1/otp', { email }).then(() => void answered.set(email, machineTime())))
  }
  await Promise.all(underway)
  await close()

  let arrivals: Arrival[] = []
  for (const end = performance.now() + PATIENCE; arrivals.length < answered.size; await sleep(50)) {
    if (performance.now() > end) throw new Error(`${answered.size - arrivals.length} mails did not arrive`)
    arrivals = await sink.ask<Arrival[]>('arrivals')
  }
  await sink.ask('forget')
  // A mail can be there before its 202 has been read.
  const delays = arrivals.map(({ to, at }) => Math.max(0, at - (answered.get(to) ?? Number.NaN)))
  return {
    perSecond,
    mails: delays.length,
    p50: percentile(delays, 0.5),
    p95: percentile(delays, 0.95),
    most: Math.max(...delays)
  }
}
