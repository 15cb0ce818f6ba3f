import t from 'tap'
import type { Context } from '../../src/context.ts'
import { newId } from '../../src/lib/identifier.ts'
import { requestCode } from '../../src/otp/request-code.ts'
import { verifyCode } from '../../src/otp/verify-code.ts'
import { wrongCode } from '../helper.ts'
import { pair } from '../pair.ts'

const email = 'maya@example.com'

/** Runs so many at once, by turns on the one and the other. */
const atOnce = <Side, Result>(
  times: number,
  sides: readonly [Side, Side],
  run: (side: Side, index: number) => Promise<Result>
) => Promise.all(Array.from({ length: times }, (_, index) => run(sides[index % 2 ? 1 : 0], index)))

/** The flows themselves, for races that are run too often for HTTP. */
const client = () => ({ network: null, agent: null, requestId: newId() })
const ask = (ctx: Context, address: string) =>
  requestCode(
    ctx,
    { email: address, locale: undefined, acceptLanguage: undefined, idempotencyKey: undefined, deviceToken: undefined },
    client()
  )
const verify = (ctx: Context, challenge: string, code: string) =>
  verifyCode(ctx, { challenge, code, idempotencyKey: undefined, session: undefined }, client())

t.test('64 right codes at once over two instances open one session', async (t) => {
  const { apis, codeOf, traces } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const code = codeOf(challenge)

  const answers = await atOnce(64, apis, (api) => api.verifyOtp({ challenge, code }))

  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ problem }) => problem?.code === 'code-rejected').length, 63)
  t.match(await traces(), { sessions: 1, users: 1, level: 0 })
})

t.test('of 200 wrong codes at once over two instances exactly three are judged', async (t) => {
  const { apis, codeOf, sql, traces } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  const code = codeOf(challenge)

  const answers = await atOnce(200, apis, (api) => api.verifyOtp({ challenge, code: wrongCode(code) }))

  t.equal(answers.filter(({ problem }) => problem?.code === 'code-rejected').length, 200)
  t.match(await sql('select tries_left, used_at from postern.challenge'), [{ tries_left: 0, used_at: null }])
  t.match(await sql('select outcome, count(*)::int from postern.event group by 1'), [
    { outcome: 'wrong_code', count: 3 }
  ])
  t.equal((await apis[1].verifyOtp({ challenge, code })).status, 401)
  t.match(await traces(), { sessions: 0, users: 0, level: 3 })
})

t.test('a right code among wrong ones opens one session, or none when three wrong ones came first', async (t) => {
  const { apis, codeOf, sql } = await pair(t)

  for (let round = 1; round <= 20; round++) {
    const { challenge } = (await apis[0].requestOtp({ email: `round-${round}@example.com` })).body
    const code = codeOf(challenge)
    const answers = await atOnce(8, apis, (api, index) =>
      api.verifyOtp({ challenge, code: index % 4 ? wrongCode(code) : code })
    )

    const opened = answers.filter(({ status }) => status === 200).length
    const events = await sql(
      `select outcome from postern.event where email_mac = (select budget_key from postern.challenge where email like 'round-${round}@%')`
    )
    const wrong = events.filter(({ outcome }) => outcome === 'wrong_code').length
    t.ok(opened === 1 ? wrong <= 2 : opened === 0 && wrong === 3, `${opened} sessions, ${wrong} wrong codes judged`)
    t.equal(events.length, opened + wrong)
  }
})

t.test('wrong guesses at many codes of one address, and at dead ones, are judged together', async (t) => {
  const { ctx, askOften, codeOf, sql } = await pair(t)
  const challenges = await askOften(80, email)
  const [used = '', ...open] = challenges
  await verify(ctx, used, codeOf(used))
  await sql(`update postern.challenge set used_at = now() where id = any($1)`, [
    open.slice(40).map((challenge) => ctx.secrets.readChallenge(challenge)?.id)
  ])

  const transactions = async () => Number((await sql('select pg_current_xact_id()::text as id'))[0]?.id)

  const before = await transactions()
  const judged = await Promise.allSettled(
    open.map((challenge, at) => verify(ctx, challenge, at < 40 ? wrongCode(codeOf(challenge)) : codeOf(challenge)))
  )
  const took = (await transactions()) - before

  t.ok(judged.every(({ status }) => status === 'rejected'))
  t.same(await sql(`select count(*)::int from postern.event where outcome = 'wrong_code'`), [{ count: 40 }])
  t.ok(took <= 40, `${took} transactions for 79 guesses`)
})

for (const imported of [false, true])
  t.test(
    `of many codes of ${imported ? 'an account that nobody has proven' : 'a new address'} at once the right one alone signs in`,
    async (t) => {
      const { ctx, askOften, codeOf, sql, traces } = await pair(t)
      if (imported)
        await sql(`insert into postern."user" (id, email, email_key, locale) values ($1, $2, $2, 'en')`, [
          newId(),
          email
        ])

      for (let round = 1; round <= 5; round++) {
        const challenges = await askOften(10, email)
        const judged = await Promise.allSettled(
          challenges.map((challenge, at) =>
            verify(ctx, challenge, at === 5 ? codeOf(challenge) : wrongCode(codeOf(challenge)))
          )
        )
        t.same(
          judged.map(({ status }) => status === 'fulfilled'),
          challenges.map((_, at) => at === 5)
        )
        t.match(await traces(), { sessions: round, users: 1 })
      }
    }
  )

t.test('two codes of one new address at once are two sessions of one user, in 500 rounds', async (t) => {
  const { ctx, second, codeOf, sql, traces } = await pair(t, { LOG_LEVEL: 'warn' })
  const sides = [ctx, second.ctx] as const

  for (let round = 1; round <= 500; round++) {
    const challenges = await atOnce(2, sides, async (side) => (await ask(side, `round-${round}@example.com`)).challenge)
    const sessions = await atOnce(2, sides, (side, index) => {
      const challenge = challenges[index] as string
      return verify(side, challenge, codeOf(challenge))
    })
    const [one, other] = sessions
    if (one?.user.id !== other?.user.id || one?.session.id === other?.session.id) t.fail(`round ${round}`)
  }

  t.match(await traces(), { challenges: 1000, sessions: 1000, users: 500, level: 0 })
  t.same(await sql('select user_id from postern.session group by 1 having count(*) <> 2'), [])
})

t.test('two codes of one new address at once over HTTP are two living sessions of one user', async (t) => {
  const { apis, codeOf } = await pair(t)

  for (let round = 1; round <= 20; round++) {
    const asked = await atOnce(2, apis, (api) => api.requestOtp({ email: `round-${round}@example.com` }))
    const challenges: string[] = asked.map(({ body }) => body.challenge)
    const opened = await atOnce(2, apis, (api, index) =>
      api.verifyOtp({ challenge: challenges[index] as string, code: codeOf(challenges[index] as string) })
    )
    const current = await atOnce(2, apis, (api, index) => api.getSession({ bearer: opened[index]?.body.access_token }))

    t.same(
      current.map(({ status }) => status),
      [200, 200]
    )
    t.equal(current[0]?.body.user.id, current[1]?.body.user.id)
    t.not(current[0]?.body.session.id, current[1]?.body.session.id)
  }
})

t.test('32 codes of one new address at once are 32 sessions of one user', async (t) => {
  const { apis, askOften, codeOf, traces } = await pair(t)
  const challenges = await askOften(32, email)

  const opened = await atOnce(32, apis, (api, index) => {
    const challenge = challenges[index] as string
    return api.verifyOtp({ challenge, code: codeOf(challenge) })
  })

  t.same([...new Set(opened.map(({ status }) => status))], [200])
  t.match(await traces(), { sessions: 32, users: 1 })
})

t.test(
  '128 requests for one address at once over two instances get no more than its lane and its level allow',
  async (t) => {
    const { apis, sql, emptyLanes, traces, hold, waiting } = await pair(t)
    const all: string[] = []

    for (let hour = 1; hour <= 3; hour++) {
      await apis[0].requestOtp({ email })
      await emptyLanes()
      const holder = await hold('select from postern.address_budget for update')
      const requests = atOnce(128, apis, (api) => api.requestOtp({ email }))
      await waiting(4) // as many as both have under way see the level and the lanes as they were
      await holder.query('commit')
      const answers = await requests
      all.push(...answers.map(({ status, body }) => (status === 202 ? `${body.code_length}` : `${status}`)))
      await emptyLanes()
    }

    const forms = Map.groupBy(all, (form) => form)
    t.equal(forms.get('202'), undefined)
    t.equal(forms.get('429')?.length, 3 * 123)
    const lengths = await sql('select code_length, count(*)::int from postern.challenge group by 1 order by 1')
    t.match(lengths, [
      { code_length: 6, count: 3 },
      { code_length: 8, count: 7 },
      { code_length: 13, count: 8 }
    ])
    t.match(await traces(), { challenges: 18, mails: 18, level: 30 })
    t.match(await sql('select sum(charged)::int as charged from postern.challenge'), [{ charged: 30 }])
  }
)

t.test('no charge and no refund is lost when codes are asked for and used at once', async (t) => {
  const { apis, askOften, emptyLanes, codeOf, traces, sql } = await pair(t, { CODE_STRENGTHEN_AT: '1000' })
  const challenges = await askOften(20, email)
  await emptyLanes()

  const answers = await atOnce(25, apis, (api, index) => {
    if (index % 5 === 4) return api.requestOtp({ email })
    const challenge = challenges[index - Math.floor(index / 5)] as string
    return api.verifyOtp({ challenge, code: codeOf(challenge) })
  })

  t.same(
    answers.map(({ status }) => status),
    Array.from({ length: 25 }, (_, index) => (index % 5 === 4 ? 202 : 200))
  )
  t.match(await traces(), { challenges: 25, sessions: 20 })
  const [left] = await sql(`
    select (select sum(charged)::int from postern.challenge where used_at is null) as open,
      (select (b.code_level + coalesce((select sum((value ->> 0)::float8) from jsonb_each(b.pools)), 0))::int
        from postern.address_budget as b) as level`)
  t.match(left, { open: 15, level: 15 })
})
