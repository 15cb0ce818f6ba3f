import pg from 'pg'
import t, { type Test } from 'tap'
import { until } from '../helper.ts'
import { pair } from '../pair.ts'

const email = 'maya@example.com'
const rejected = { status: 401, problem: { code: 'code-rejected' } }

/** Two instances, an account, and a code for it that nobody has used yet. */
async function asked(t: Test) {
  const world = await pair(t)
  await world.signIn(email)
  const { challenge } = (await world.apis[0].requestOtp({ email })).body as { challenge: string }
  const verify = (which: 0 | 1 = 0) => world.apis[which].verifyOtp({ challenge, code: world.codeOf(challenge) })
  return { ...world, challenge, verify }
}

/** Repeats a transaction against the account until it is told to stop. */
function changing(t: Test, databaseUrl: string, statements: readonly string[]) {
  let stopped = false
  let committed = 0
  const run = async () => {
    const connection = new pg.Client({ connectionString: databaseUrl })
    await connection.connect()
    t.teardown(() => connection.end())
    while (!stopped) {
      await connection.query('begin')
      for (const statement of statements) await connection.query(statement)
      await connection.query('commit')
      committed += 1
    }
    return committed
  }
  const running = run()
  return () => {
    stopped = true
    return running
  }
}

const USER = `update postern."user" set updated_at = now()`
const CHALLENGES = 'select from postern.challenge order by id for update'
const BUDGETS = 'select from postern.address_budget for update'

t.test('a code that meets a change which locks the other way round is judged all the same', async (t) => {
  const { verify, hold, waiting, sql } = await asked(t)
  const change = await hold(USER)

  const answer = verify()
  await waiting(1)
  await change.query(CHALLENGES).catch((error) => t.equal(error.code, '40P01'))
  await change.query('commit')

  t.equal((await answer).status, 200)
  await until(async () => {
    const [found] = await sql('select deadlocks::int from pg_stat_database where datname = current_database()')
    return found?.deadlocks // the server tells of it a second later at the most
  })
})

t.test('codes that are used while the account is changed without end all open their session', async (t) => {
  const { apis, askOften, codeOf, databaseUrl, traces } = await asked(t)
  const codes = (await askOften(60, email)).map((challenge) => ({ challenge, code: codeOf(challenge) }))
  const stop = changing(t, databaseUrl, [BUDGETS, CHALLENGES, USER])

  const answers = await Promise.all(codes.map((code, index) => apis[index % 2 ? 1 : 0].verifyOtp(code)))
  const committed = await stop()

  t.same([...new Set(answers.map(({ status }) => status))], [200])
  t.equal((await traces()).sessions, 61)
  t.ok(committed > 0, `${committed} changes`)
})

t.test('a code that waits for the disabling of its account opens nothing', async (t) => {
  const { verify, hold, waiting, traces } = await asked(t)
  const change = await hold(`${USER}, disabled_at = now()`)

  const answer = verify()
  await waiting(1)
  await change.query('commit')

  t.match(await answer, rejected)
  t.equal((await traces()).sessions, 1)
})

t.test('a code that waits for a change of credentials opens nothing', async (t) => {
  const { verify, hold, waiting, traces } = await asked(t)
  const change = await hold(`${USER}, credential_version = credential_version + 1, credential_changed_at = now()`)

  const answer = verify(1)
  await waiting(1)
  await change.query('commit')

  t.match(await answer, rejected)
  t.equal((await traces()).sessions, 1)
})

t.test('a code that is asked for while the credentials change is of afterwards, and opens a session', async (t) => {
  const { apis, codeOf, hold, waiting } = await asked(t)
  const change = await hold(BUDGETS)

  const answer = apis[0].requestOtp({ email })
  await waiting(1)
  await change.query('update postern."user" set credential_changed_at = clock_timestamp()')
  await change.query('commit')
  const { challenge } = (await answer).body

  t.equal((await apis[0].verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)
})

t.test('a code that waits for a change which is taken back opens its session', async (t) => {
  const { verify, hold, waiting } = await asked(t)
  const change = await hold(`${USER}, disabled_at = now()`)

  const answer = verify()
  await waiting(1)
  await change.query('rollback')

  t.equal((await answer).status, 200)
})

t.test('no session outlives a change of credentials that runs beside its sign-in', async (t) => {
  const { apis, codeOf, sql, emptyLanes } = await asked(t)

  for (let round = 1; round <= 30; round++) {
    await emptyLanes()
    const { challenge } = (await apis[0].requestOtp({ email })).body
    const [opened] = await Promise.all([
      apis[round % 2 ? 1 : 0].verifyOtp({ challenge, code: codeOf(challenge) }),
      sql(`${USER}, credential_version = credential_version + 1, credential_changed_at = now()`)
    ])
    t.ok([200, 401].includes(opened.status))
    if (opened.status === 200) t.equal((await apis[0].getSession({ bearer: opened.body.access_token })).status, 401)
  }
})

t.test('an account that is deleted under a waiting code is made anew, without what it was', async (t) => {
  const { verify, hold, waiting, sql } = await asked(t)
  const [{ id } = {}] = await sql('select id from postern."user"')
  const change = await hold('delete from postern."user"')

  const answer = verify()
  await waiting(1)
  await change.query('commit')
  const { status, body } = await answer

  t.equal(status, 200)
  t.not(body.user.id, id)
})
