import { mailKinds } from './compose-mails.ts'
import type { Context } from './context.ts'
import { connectionsOf } from './db/connect.ts'
import type { Passwords } from './hashing/passwords.ts'
import type { Courier } from './mail/courier.ts'
import { mailBacklog } from './mail/store.ts'
import type { Listener } from './metrics/listener.ts'
import type { Observe } from './metrics/metrics.ts'
import { breachCheckFailures } from './password/breach.ts'

type Parts = { ctx: Context; courier: Pick<Courier, 'deliveries' | 'longestWait'>; passwords: Pick<Passwords, 'queue'> }

/** Opens the port for metrics where METRICS_PORT is set. Only then is their library loaded. */
export async function openMetrics({
  ctx,
  courier,
  passwords
}: Parts): Promise<(Listener & { observe: Observe }) | undefined> {
  const { config, db, guesses, log } = ctx
  if (config.METRICS_PORT === undefined) return undefined
  const [{ metricsOf }, { listen }] = await Promise.all([
    import('./metrics/metrics.ts'),
    import('./metrics/listener.ts')
  ])
  const metrics = metricsOf({
    mailKinds,
    deliveries: courier.deliveries,
    longestWait: () => courier.longestWait,
    overdue: async () => (await mailBacklog(db, {}))[0]?.overdue ?? 0,
    hashes: passwords.queue,
    breachCheckFailures,
    connections: () => connectionsOf(db),
    strained: () => guesses.strained
  })
  const listener = await listen(metrics, { host: config.HOST, port: config.METRICS_PORT, log })
  return { ...listener, observe: metrics.observe }
}
