import { randomUUID } from 'node:crypto'
import t from 'tap'
import { until, wrongCode } from '../helper.ts'
import { pair, withKey } from '../pair.ts'

const email = 'maya@example.com'
const rejected = { status: 401, problem: { code: 'code-rejected' } }

t.test('a sign-in whose reply is lost is repeated with the same key and has the same session', async (t) => {
  const { apis, codeOf, traces } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = randomUUID()

  const first = await apis[0].verifyOtp(attempt, withKey(key))
  const again = await apis[1].verifyOtp(attempt, withKey(key.toUpperCase()))

  t.equal(again.status, 200)
  t.equal(again.body.session.id, first.body.session.id)
  t.equal(again.body.refresh_token, first.body.refresh_token)
  t.equal((await apis[0].getSession({ bearer: again.body.access_token })).status, 200)
  t.equal((await apis[0].refreshSession({ refresh_token: again.body.refresh_token })).status, 200)
  t.match(await traces(), { sessions: 1, level: 0 })
})

t.test('a repeat has its own session, whichever others were opened or renewed in the same moment', async (t) => {
  const { api, ctx, codeOf, signIn, emptyLanes, sql } = await pair(t)
  await Promise.all(Array.from({ length: 5 }, () => signIn(email)))
  await emptyLanes()
  const { challenge } = (await api.requestOtp({ email })).body
  const attempt = [{ challenge, code: codeOf(challenge) }, withKey(randomUUID())] as const
  const first = await api.verifyOtp(...attempt)
  await Promise.all(Array.from({ length: 5 }, () => signIn(email)))
  await sql('update postern.session set authenticated_at = (select used_at from postern.challenge where id = $1)', [
    ctx.secrets.readChallenge(challenge)?.id
  ])

  const again = await api.verifyOtp(...attempt)

  t.equal(again.body.session.id, first.body.session.id)
})

t.test('a client that hangs up in the middle of its sign-in gets in by repeating it', async (t) => {
  const { apis, codeOf, sql, traces } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = randomUUID()

  const hangUp = new AbortController()
  const lost = apis[0].verifyOtp(attempt, { ...withKey(key), signal: hangUp.signal }).catch((error) => error.name)
  await until(async () => {
    const [used] = await sql('select 1 from postern.challenge where used_at is not null')
    if (used) hangUp.abort()
    return used
  })
  await lost
  const { status, body } = await apis[1].verifyOtp(attempt, withKey(key))

  t.equal(status, 200)
  t.equal((await apis[0].refreshSession({ refresh_token: body.refresh_token })).status, 200)
  t.match(await traces(), { sessions: 1 })
})

t.test('sign-ins repeated side by side on two instances have one session', async (t) => {
  const { apis, codeOf, traces } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = randomUUID()

  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, index) => apis[index % 2 ? 1 : 0].verifyOtp(attempt, withKey(key)))
  )

  t.same([...new Set(answers.map(({ status }) => status))], [200])
  t.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 1)
  t.match(await traces(), { sessions: 1, level: 0 })
})

t.test('a repeat opens nothing with another key, without one, with a wrong code, or after a minute', async (t) => {
  const { apis, codeOf, sql, traces } = await pair(t)
  const [api] = apis
  const { challenge } = (await api.requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = randomUUID()
  await api.verifyOtp(attempt, withKey(key))
  const past = (seconds: number) =>
    sql(`update postern.challenge set used_at = now() - $1 * interval '1 second'`, [seconds])

  const otherKey = await api.verifyOtp(attempt, withKey(randomUUID()))
  const noKey = await api.verifyOtp(attempt)
  const wrong = await api.verifyOtp({ challenge, code: wrongCode(attempt.code) }, withKey(key))
  await past(50)
  const inTime = await api.verifyOtp(attempt, withKey(key))
  await past(60)
  const late = await api.verifyOtp(attempt, withKey(key))

  for (const answer of [otherKey, noKey, wrong, late]) t.match(answer, rejected)
  t.equal(inTime.status, 200)
  t.match(await traces(), { sessions: 1 })
})

t.test('a repeat does not bring back a session that was ended meanwhile', async (t) => {
  const { apis, codeOf } = await pair(t)
  const [api] = apis
  const { challenge } = (await api.requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = randomUUID()
  const { body } = await api.verifyOtp(attempt, withKey(key))
  await api.logout({ refresh_token: body.refresh_token })

  t.match(await api.verifyOtp(attempt, withKey(key)), rejected)
})

t.test('a renewal whose reply is lost is repeated with the same key and has the same session', async (t) => {
  const { apis, codeOf, signIn, traces } = await pair(t)
  const { body: first } = await signIn(email)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const options = { ...withKey(randomUUID()), bearer: first.access_token }

  const renewed = await apis[0].verifyOtp(attempt, options)
  const again = await apis[1].verifyOtp(attempt, options)

  t.equal(again.status, 200)
  t.same(again.body.session, renewed.body.session)
  t.notOk('refresh_token' in again.body)
  t.match(await traces(), { sessions: 1 })
})

t.test('nor does such a repeat need the bearer, which may have run out meanwhile', async (t) => {
  const { apis, codeOf, signIn, traces } = await pair(t)
  const { body: first } = await signIn(email)
  await signIn('noor@example.com')
  await signIn(email) // another session of the same account, which the repeat must not answer
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = withKey(randomUUID())

  const renewed = await apis[0].verifyOtp(attempt, { ...key, bearer: first.access_token })
  const again = await apis[1].verifyOtp(attempt, key)

  t.equal(again.status, 200)
  t.same(again.body.session, renewed.body.session)
  t.equal((await apis[0].getSession({ bearer: again.body.access_token })).status, 200)
  t.notOk('refresh_token' in again.body, 'the client has it')
  t.match(await traces(), { sessions: 3 })
  await apis[0].logout({ refresh_token: first.refresh_token })
  t.match(await apis[1].verifyOtp(attempt, key), rejected)
})

t.test(
  'a wrong code that is sent again with its key costs one try, however often and wherever it is sent',
  async (t) => {
    const { apis, codeOf, sql } = await pair(t)
    const { challenge } = (await apis[0].requestOtp({ email })).body
    const typo = { challenge, code: wrongCode(codeOf(challenge)) }
    const key = randomUUID()
    const guessed = () => sql(`select from postern.event where kind = 'sign_in_by_code' and outcome = 'wrong_code'`)

    const first = await apis[0].verifyOtp(typo, withKey(key))
    const again = await apis[1].verifyOtp({ ...typo, code: ` ${typo.code} ` }, withKey(key.toUpperCase()))
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, index) => apis[index % 2 ? 1 : 0].verifyOtp(typo, withKey(key)))
    )
    const left = await sql('select tries_left from postern.challenge')
    const right = await apis[1].verifyOtp({ challenge, code: codeOf(challenge) }, withKey(key))

    for (const answer of [first, again, ...many]) t.match(answer, rejected)
    t.strictSame(left, [{ tries_left: 2 }])
    t.equal((await guessed()).length, 1)
    t.equal(right.status, 200, 'the next code is judged, though the key is the same')
  }
)

t.test(
  'another wrong code costs a try with the same key, and so does the same one with another key or with none',
  async (t) => {
    const { apis, codeOf } = await pair(t)
    const guesses = async (make: (challenge: string) => Promise<unknown>[]) => {
      const { challenge } = (await apis[0].requestOtp({ email })).body
      for (const guess of make(challenge)) await guess
      return (await apis[0].verifyOtp({ challenge, code: codeOf(challenge) })).status
    }
    const key = randomUUID()
    const others = (code: string) =>
      ['1', '2', '3'].map((digit) => `${digit === code[0] ? '4' : digit}${code.slice(1)}`)

    const codes = await guesses((challenge) =>
      others(codeOf(challenge)).map((code) => apis[0].verifyOtp({ challenge, code }, withKey(key)))
    )
    const keys = await guesses((challenge) =>
      [0, 1, 2].map(() => apis[0].verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) }, withKey(randomUUID())))
    )
    const none = await guesses((challenge) =>
      [0, 1, 2].map(() => apis[0].verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) }))
    )

    t.strictSame([codes, keys, none], [401, 401, 401])
  }
)
