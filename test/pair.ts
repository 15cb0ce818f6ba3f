import pg from 'pg'
import type { Test } from 'tap'
import { type Settings, start, until } from './helper.ts'

export const withKey = (key: string) => ({ headers: { 'idempotency-key': key } })

/** A world with two instances on one database, in which rows can be held and what was left behind can be counted. */
export async function pair(t: Test, settings?: Settings) {
  const world = await start(t, settings)
  const second = await world.another()

  /** How many rows there are of what a repeated request could leave behind twice, and the sum of all levels. */
  const traces = async () => {
    const [found] = await world.sql(`
      select (select count(*)::int from postern.challenge) as challenges, (select count(*)::int from postern.mail) as mails,
        (select count(*)::int from postern.session) as sessions, (select count(*)::int from postern."user") as users,
        (select round(sum(code_level)::numeric, 2)::float8 from postern.address_budget) as level`)
    return found as { challenges: number; mails: number; sessions: number; users: number; level: number }
  }

  /** Begins a transaction with this statement; what it locks stays locked until the test ends it. */
  const hold = async (statement: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: world.databaseUrl })
    await client.connect()
    t.teardown(() => client.end())
    await client.query('begin')
    await client.query(statement)
    return client
  }

  /** Until so many statements, or more, wait for locks. */
  const waiting = (count: number) =>
    until(async () => {
      const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await world.sql(waits)).length >= count
    })

  const apis = [world.api, second.api] as const
  const askOften = (times: number, email: string) => world.askOften(times, email, apis)

  return { ...world, second, apis, traces, hold, waiting, askOften }
}
