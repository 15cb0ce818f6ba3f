import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './children.ts'
import { connections, type Step } from './load.ts'
import type { World } from './world.ts'

type Count = { text: string; calls: number }
/** SQL statements by whole login. The courier's share also holds what it does once a second, whether there is mail or not. */
export type Statements = {
  connections: number
  perLogin: number
  requests: number
  courier: number
  by: 'server' | 'driver'
  counts: Count[]
}

/** Not the service's: what the bench itself asks. */
const OURS = '/* bench */'
const PATIENCE = 20_000

/** Counts every statement the service runs for so many logins, until their last mail is marked as sent. */
export async function countStatements(
  world: World,
  login: Step,
  { count, logins }: { count: number; logins: number }
): Promise<Statements> {
  const { sends, close } = await connections(world.service.url, count)
  await reset(world)
  let left = logins
  await Promise.all(
    sends.map(async (send) => {
      while (left-- > 0) await login(send)
    })
  )
  await mailsAreMarked(world)
  await close()
  const counts = await read(world)
  const sum = (wanted: (text: string) => boolean): number =>
    counts.filter(({ text }) => wanted(text)).reduce((total, { calls }) => total + calls, 0) / logins
  const requests = sum(isOfRequests)
  return {
    connections: count,
    perLogin: sum(() => true),
    requests,
    courier: sum((text) => !isOfRequests(text)),
    by: world.serverCounts ? 'server' : 'driver',
    counts
  }
}

/** Challenges made and judged, sessions read: everything else is the courier, or housekeeping. */
const isOfRequests = (text: string): boolean =>
  /insert into postern\.challenge|update postern\.challenge|postern\.session/.test(text)

async function mailsAreMarked({ pool }: World): Promise<void> {
  for (const end = performance.now() + PATIENCE; performance.now() < end; ) {
    const { rowCount } = await pool.query(`${OURS} select from postern.mail where state = 'queued' limit 1`)
    if (rowCount === 0) return
    await sleep(50)
  }
  throw new Error('the mails of the counted logins do not get sent')
}

async function reset({ pool, serverCounts, service }: World): Promise<void> {
  if (serverCounts) await pool.query(`${OURS} select pg_stat_statements_reset()`)
  else await ask(service.process, 'reset')
}

async function read({ pool, serverCounts, service }: World): Promise<Count[]> {
  if (!serverCounts) return await ask<Count[]>(service.process, 'read')
  const { rows } = await pool.query<Count>(
    `${OURS} select query as text, calls::int4 from pg_stat_statements
     where dbid = (select oid from pg_database where datname = current_database()) and query not like $1
     order by calls desc`,
    [`%${OURS}%`]
  )
  return rows
}
