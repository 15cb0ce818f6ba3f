import pg from 'pg'
import t, { type Test } from 'tap'
import type { Answer } from '../contract-client.ts'
import { type Settings, start, until } from '../helper.ts'

const email = 'maya@example.com'

/** One person about to sign in `count` times over two instances. */
async function prepare(t: Test, count: number, settings: Settings = {}) {
  const world = await start(t, settings)
  const second = await world.another()
  const asked = await world.askOften(count, email)
  const signInAtOnce = (): Promise<Answer[]> =>
    Promise.all(
      asked.map(
        (challenge, index) =>
          [world, second][index % 2]?.api.verifyOtp({ challenge, code: world.codeOf(challenge) }) as Promise<Answer>
      )
    )
  /** Those of the sessions that are still live. */
  const stillLive = async (answers: Answer[]): Promise<Answer[]> => {
    const checks = answers.map(({ body }) => world.api.getSession({ bearer: body.access_token }))
    const statuses = (await Promise.all(checks)).map(({ status }) => status)
    return answers.filter((_, index) => statuses[index] === 200)
  }
  return { ...world, signInAtOnce, stillLive }
}

/** Holds every sign-in of the world's addresses back until `release`. */
async function holdBack(t: Test, databaseUrl: string): Promise<{ release: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin; select from postern.address_budget for update')
  return { release: async () => void (await client.query('commit')) }
}

t.test('of 64 sessions opened at once over two instances fifty stay', async (t) => {
  const { signInAtOnce, stillLive, api } = await prepare(t, 64)

  const answers = await signInAtOnce()

  const left = await stillLive(answers)

  t.ok(answers.every(({ status }) => status === 200))
  t.equal(left.length, 50)
  const listed = await api.listSessions({ bearer: left[0]?.body.access_token })
  t.equal(listed.body.sessions.length, 50)
})

for (const most of [1, 2, 3, 10])
  t.test(`of 16 sessions that a new user opens at the same moment ${most} stay where that is the limit`, async (t) => {
    const settings = { SESSIONS_PER_USER: `${most}` }
    const { signInAtOnce, stillLive, databaseUrl, sql } = await prepare(t, 16, settings)
    const { release } = await holdBack(t, databaseUrl)

    const signingIn = signInAtOnce()
    await until(async () => {
      const waiting = await sql(`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and application_name = 'postern'`)
      return waiting.length >= 2 // of each instance one: all of its sign-ins share it
    })
    await release()
    const answers = await signingIn

    const left = await stillLive(answers)
    t.ok(answers.every(({ status }) => status === 200))
    t.equal(left.length, most)
  })

t.test('one session too many ends the one that was used longest ago', async (t) => {
  const { api, signIn } = await start(t, { SESSIONS_PER_USER: '3' })
  const opened: Answer[] = []
  for (let count = 1; count <= 3; count++) opened.push(await signIn(email))
  const first = await api.refreshSession({ refresh_token: opened[0]?.body.refresh_token })

  const fourth = await signIn(email)

  const status = async (answer?: Answer) => (await api.getSession({ bearer: answer?.body.access_token })).status
  t.strictSame(
    await Promise.all([first, opened[1], opened[2], fourth].map(status)),
    [200, 401, 200, 200],
    'the second was used longest ago'
  )
})

t.test('the sessions of others do not count', async (t) => {
  const { api, signIn } = await start(t, { SESSIONS_PER_USER: '1' })
  const theirs = await signIn('noor@example.com')

  await signIn(email)
  await signIn(email)

  t.equal((await api.getSession({ bearer: theirs.body.access_token })).status, 200)
})

t.test('a person who signs in again and again keeps the newest sessions', async (t) => {
  const { sql, signIn, api } = await start(t, { SESSIONS_PER_USER: '5' })
  let newest: Answer | undefined

  for (let count = 1; count <= 12; count++) newest = await signIn(email)

  const live = await sql('select id from postern.session where revoked_at is null')
  const listed = await api.listSessions({ bearer: newest?.body.access_token })
  t.equal(live.length, 5)
  t.equal(listed.body.sessions[0].id, newest?.body.session.id)
})

t.test(
  'who signs in is let in also where older sessions cannot be ended, and the next sign-in ends them',
  async (t) => {
    const { api, signIn, sql, log } = await start(t, { SESSIONS_PER_USER: '1' })
    await signIn(email)
    await sql(`create function postern.odd() returns trigger language plpgsql as $$ begin
    raise exception 'odd' using errcode = '22003'; end $$`)
    await sql('create trigger odd before update on postern.session for each row execute function postern.odd()')

    const second = await signIn(email)
    await sql('drop trigger odd on postern.session')
    const third = await signIn(email)

    t.equal(second.status, 200)
    t.match(log.join(''), 'could not end the sessions and devices beyond the limits')
    t.equal((await api.listSessions({ bearer: third.body.access_token })).body.sessions.length, 1)
  }
)
