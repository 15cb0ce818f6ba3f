import pg from 'pg'
import t from 'tap'
import { until } from '../helper.ts'
import { password, startWithPasswords } from '../password/with-password.ts'

t.test(
  'an account that somebody holds is refused for a while, and nobody who signs in at the same moment',
  async (t) => {
    const { api, signUp, login, codeOf, databaseUrl } = await startWithPasswords(t, {
      HASH_THREADS: '1',
      DATABASE_STATEMENT_TIMEOUT: '2'
    })
    const members = Array.from({ length: 6 }, (_value, index) => `member-${index}@example.com`)
    for (const member of members) await signUp(member)
    const challenges = await Promise.all(
      members.map(async (email) => (await api.requestOtp({ email })).body.challenge as string)
    )
    const operator = new pg.Client({ connectionString: databaseUrl })
    await operator.connect()
    t.teardown(() => operator.end())
    await operator.query('begin')
    await operator.query(`select from postern."user" where email_key = $1 for update`, [members[0]])

    const byPassword = await Promise.all(members.map((member) => login(password, member)))
    const byCode = await Promise.all(
      challenges.map((challenge) => api.verifyOtp({ challenge, code: codeOf(challenge) }))
    )
    await operator.query('rollback')
    const [challenge = ''] = challenges
    const again = await api.verifyOtp({ challenge, code: codeOf(challenge) })

    for (const answers of [byPassword, byCode])
      t.strictSame(
        answers.map(({ status }) => status),
        [503, 200, 200, 200, 200, 200]
      )
    t.equal(again.status, 200, 'and the code is not spent')
  }
)

t.test('requests for links to one address that somebody holds keep no session from being looked at', async (t) => {
  const { api, signUp, isLive, sql, databaseUrl } = await startWithPasswords(t)
  const signedIn = await signUp('member@example.com')
  const operator = new pg.Client({ connectionString: databaseUrl })
  await operator.connect()
  t.teardown(() => operator.end())
  await operator.query('begin')
  await operator.query('select from postern.address_budget for update')

  let answered = 0
  const asked = Array.from({ length: 30 }, () =>
    api.requestPasswordReset({ email: 'member@example.com' }).finally(() => {
      answered += 1
    })
  )
  const held = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await until(async () => (await sql(held)).length >= 5)
  t.ok(await isLive(signedIn))
  t.equal(answered, 0, 'while the requests for links still wait')
  await operator.query('rollback')
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  t.ok(statuses.includes(202))
  t.strictSame(
    statuses.filter((status) => ![202, 429].includes(status)),
    []
  )
})
