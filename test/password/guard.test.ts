import pg from 'pg'
import t from 'tap'
import { codeIn, until } from '../helper.ts'
import { expireChallenges, keeperOf } from '../housekeeping/keeper.ts'
import { email, password, startWithPasswords, another as wrong } from './with-password.ts'

/** Somebody with a password, whose device and network are forgotten: everybody is a stranger. */
async function amongStrangers(...[t, settings]: Parameters<typeof startWithPasswords>) {
  const world = await startWithPasswords(t, settings)
  const { body: session } = await world.signUp()
  const forgetAll = () =>
    world.sql(
      'with n as (delete from postern.known_network) update postern.address_budget set lanes = $1, pools = $1',
      ['{}']
    )
  await forgetAll()
  const guessOften = async (times: number, to = email) => {
    const codes: string[] = []
    for (let round = 1; round <= times; round++) codes.push((await world.login(wrong, to)).problem.code)
    return codes
  }
  return { ...world, session, forgetAll, guessOften }
}

t.test(
  'after ten wrong passwords of strangers every stranger is asked for a code, right or wrong, member or not',
  async (t) => {
    const { guessOften, login } = await amongStrangers(t)

    const known = await guessOften(12)
    const unknown = await guessOften(12, 'nobody@example.com')

    t.same(known, [...Array(10).fill('credentials-rejected'), 'code-required', 'code-required'])
    t.same(unknown, known)
    const [right, wrongly, nobody] = [await login(), await login(wrong), await login(wrong, 'nobody@example.com')]
    for (const { status, problem, headers } of [right, wrongly, nobody]) {
      t.equal(status, 403)
      t.match(problem, {
        code: 'code-required',
        next: { methods: ['otp'], challenge: { tries: 3, code_alphabet: String } }
      })
      t.equal(headers.get('www-authenticate'), null)
      t.same(Object.keys(problem), Object.keys(right.problem))
      t.same(Object.keys(problem.next.challenge), Object.keys(right.problem.next.challenge))
    }
  }
)

t.test('the code that is mailed then opens the session, and tells what was proven', async (t) => {
  const { guessOften, login, api, codeOf, mails } = await amongStrangers(t)
  await guessOften(10)

  const { challenge, reference } = (await login()).problem.next.challenge
  const { text } = await until(() => mails(email).find(({ text }) => text.includes(reference)))
  const code = codeIn(text)
  const opened = await api.verifyOtp({ challenge, code })

  t.equal(code, codeOf(challenge))
  t.equal(opened.status, 200)
  t.same(opened.body.session.amr, ['pwd', 'otp'])
  const second = (await login(wrong)).problem
  t.notOk(second.next, 'the network is known by now, and has guesses of its own')
})

t.test('with a wrong password the code proves the mailbox alone', async (t) => {
  const { guessOften, login, api, codeOf } = await amongStrangers(t)
  await guessOften(10)

  const { challenge } = (await login(wrong)).problem.next.challenge
  const opened = await api.verifyOtp({ challenge, code: codeOf(challenge) })

  t.same(opened.body.session.amr, ['otp'])
})

t.test('a device that signed in before does not notice what strangers do', async (t) => {
  const { guessOften, session, api } = await amongStrangers(t)
  await guessOften(12)

  const device_token = session.device_token
  const wrongly = await api.loginWithPassword({ email, password: wrong, device_token })
  const right = await api.loginWithPassword({ email, password, device_token })

  t.match(wrongly.problem, { code: 'credentials-rejected' })
  t.equal(right.status, 200)
  t.match(right.body.device_token, /^dev_/)
})

t.test('a stolen device that guesses becomes a stranger', async (t) => {
  const { guessOften, session, api } = await amongStrangers(t)
  await guessOften(10)
  const guess = () => api.loginWithPassword({ email, password: wrong, device_token: session.device_token })

  const codes = []
  for (let round = 1; round <= 11; round++) codes.push((await guess()).problem.code)

  t.same(codes, [...Array(10).fill('credentials-rejected'), 'code-required'])
})

t.test('of 60 wrong passwords at once over two instances ten are judged', async (t) => {
  const { api, another, forgetAll, events, sql } = await amongStrangers(t)
  const second = await another()
  await forgetAll()

  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, at) => (at % 2 ? second.api : api).loginWithPassword({ email, password: wrong }))
  )

  t.equal(answers.filter(({ problem }) => problem.code === 'credentials-rejected').length, 10)
  t.equal(answers.filter(({ problem }) => problem.code === 'code-required').length, 50)
  const outcomes = Map.groupBy(await events('sign_in_by_password'), ({ outcome }) => outcome)
  t.equal(outcomes.get('wrong_password')?.length, 10)
  t.match(await sql('select round(password_level)::int as level from postern.address_budget'), [{ level: 10 }])
})

t.test('strangers who use up the mails do not learn by it whether a password is right', async (t) => {
  const { guessOften, login, sql } = await amongStrangers(t)
  await guessOften(10)
  await guessOften(8)
  const before = await sql('select count(*)::int from postern.mail')

  const wrongly = await login(wrong)
  const right = await login()

  t.equal(wrongly.status, 403)
  t.equal(right.status, 403)
  t.same(Object.keys(wrongly.problem.next.challenge), Object.keys(right.problem.next.challenge))
  const after = await sql('select count(*)::int from postern.mail')
  t.equal(Number(after[0]?.count) - Number(before[0]?.count), 1, 'the owner has a mail all the same')
})

t.test('what no lane had room for is not mailed by asking again either, and nobody is told so', async (t) => {
  const { guessOften, login, api, sql, ctx, events, mails } = await amongStrangers(t, { CODE_RESEND_AFTER: '0' })
  await guessOften(18)
  const wrongly = (await login(wrong)).problem.next.challenge
  const right = (await login()).problem.next.challenge
  const mailsOf = () =>
    sql(
      `select c.purpose, count(m.id)::int as mails from postern.challenge as c
       left join postern.mail as m on m.subject_id = c.id where c.id = any($1) group by 1 order by 1`,
      [[wrongly, right].map(({ challenge }) => ctx.secrets.readChallenge(challenge)?.id)]
    )
  t.same(await mailsOf(), [
    { purpose: 'sign_in', mails: 0 },
    { purpose: 'step_up', mails: 1 }
  ])

  const answers = [
    await api.resendOtp({ challenge: wrongly.challenge }),
    await api.resendOtp({ challenge: right.challenge })
  ]

  t.same(await mailsOf(), [
    { purpose: 'sign_in', mails: 0 },
    { purpose: 'step_up', mails: 2 }
  ])
  for (const { status, body } of answers)
    t.match({ status, body }, { status: 202, body: { resends_left: 2, tries: 3 } })
  t.same(Object.keys(answers[0]?.body), Object.keys(answers[1]?.body))
  t.match(await events('code_resent'), [{ outcome: 'no_room' }, { outcome: 'mail_queued' }])
  await until(() => mails(email).some(({ text }) => text.includes(right.reference)))
  t.notOk(mails(email).some(({ text }) => text.includes(wrongly.reference)))
})

t.test(
  'nor do they by how long it takes to try the code once it has ended: one of the two rows is gone by then',
  async (t) => {
    const { guessOften, login, api, sql, ctx, databaseUrl, wrongCode, codeOf, ...world } = await amongStrangers(t)
    await guessOften(18)
    const challenges: string[] = []
    for (const given of [wrong, password]) challenges.push((await login(given)).problem.next.challenge.challenge)
    await expireChallenges(sql)
    const keeper = await keeperOf({ ctx, ...world })
    await keeper.settle()
    await keeper.purge()
    const ids = challenges.map((challenge) => ctx.secrets.readChallenge(challenge)?.id)
    t.match(await sql('select id from postern.challenge where id = any($1)', [ids]), [{ id: ids[1] }])

    const holder = new pg.Client({ connectionString: databaseUrl })
    await holder.connect()
    t.teardown(() => holder.end())
    for (const held of [
      'begin',
      ...['address_budget', 'challenge'].map((table) => `select from postern.${table} for update`)
    ])
      await holder.query(held)

    for (const challenge of challenges) {
      t.equal((await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })).status, 401)
      t.equal((await api.resendOtp({ challenge })).status, 401)
    }
  }
)

t.test('the count leaks: after three days a stranger has one guess again', async (t) => {
  const { guessOften, sql } = await amongStrangers(t)
  await guessOften(11)
  await sql(`update postern.address_budget set password_level_at = password_level_at - interval '3 days 1 minute'`)

  t.same(await guessOften(2), ['credentials-rejected', 'code-required'])
})

t.test(
  'an owner among attackers gets in by a link, the new password, and the device that the link has made',
  async (t) => {
    const { guessOften, askForLink, api, sql, login, forgetAll } = await amongStrangers(t)
    await guessOften(12)
    await forgetAll()
    await sql(`update postern.address_budget set code_level = 30, code_level_at = now(), lanes = (
    select jsonb_build_object('code:hour', e + 86400, 'code:day', e + 864000) from extract(epoch from now()) as e)`)
    t.equal((await api.requestOtp({ email })).status, 429, 'no code leaves for strangers any more')

    const token = await askForLink()
    const { body } = await api.resetPassword({ token, password: 'zehn Birnen in der Kiste' })
    const signedIn = await api.loginWithPassword({
      email,
      password: 'zehn Birnen in der Kiste',
      device_token: body.device_token
    })

    t.equal(signedIn.status, 200)
    await sql('delete from postern.known_network')
    t.equal((await login(wrong)).status, 403, 'while everybody else is still asked for a code')
  }
)

t.test('links have lanes of their own: five an hour for a network, whoever it asks for', async (t) => {
  const { api, forgetAll } = await amongStrangers(t)
  await forgetAll()

  const known = []
  const unknown = []
  for (let round = 1; round <= 6; round++) {
    known.push((await api.requestPasswordReset({ email })).status)
    unknown.push((await api.requestPasswordReset({ email: 'nobody@example.com' })).status)
  }

  t.same(known, [202, 202, 202, 202, 202, 429])
  t.same(unknown, known)
  const refused = await api.requestPasswordReset({ email })
  t.ok(Number(refused.headers.get('retry-after')) > 600)
  t.equal((await api.requestOtp({ email })).status, 202, 'codes are not held up by links')
})
