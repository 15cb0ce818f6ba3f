import t from 'tap'
import { testModeNotice } from '../../src/challenge/test-address.ts'
import { testAddresses } from '../../src/lib/test-address.ts'
import { DAY } from '../../src/lib/time.ts'
import { start, startInstance, until } from '../helper.ts'

const email = 'review@example.com'
const CODE = 'RVW7-4KQ9-X2MD'
const day = (offset: number): string => new Date(Date.now() + offset * DAY * 1000).toISOString().slice(0, 10)
const TEST_ADDRESSES = `${email}:${CODE}:${day(1)}, other@example.com:0123456789AB:${day(1)}`

t.test('the fixed code signs in, as it is typed, and the session says how', async (t) => {
  const { api } = await start(t, { TEST_ADDRESSES })

  for (const code of [CODE, 'rvw74kq9x2md', ' RVW7 4KQ9 X2MD ']) {
    const { body } = await api.requestOtp({ email: 'Review@Example.com' })
    const signedIn = await api.verifyOtp({ challenge: body.challenge, code })

    t.match(body, { code_length: 12, code_alphabet: 'base32' }, 'the input has room for it')
    t.equal(signedIn.status, 200)
    t.match(signedIn.body, { session: { amr: ['otp', 'test'] }, user: { email: 'Review@example.com' } })
  }
})

t.test('no mail leaves for a test address, and others get theirs', async (t) => {
  const { api, sql, inbox, mailedCode } = await start(t, { TEST_ADDRESSES, CODE_RESEND_AFTER: '0' })

  const { body } = await api.requestOtp({ email })
  const resent = await api.resendOtp({ challenge: body.challenge })
  await api.requestPasswordReset({ email })
  await api.requestOtp({ email: 'maya@example.com' })
  await mailedCode('maya@example.com')
  const states = await until(async () => {
    const rows = await sql<{ state: string }>('select state from postern.mail order by created_at')
    return rows.every(({ state }) => state !== 'queued') ? rows.map(({ state }) => state) : undefined
  })

  t.match(resent.body, { code_length: 12, code_alphabet: 'base32' })
  t.strictSame(states, ['dropped', 'dropped', 'dropped', 'sent'])
  t.strictSame(
    inbox?.mails().map(({ to }) => to),
    ['maya@example.com']
  )
})

t.test('a test run signs in as often as it likes, and other addresses are mailed as often as ever', async (t) => {
  const { api } = await start(t, { TEST_ADDRESSES })

  for (let nth = 0; nth < 8; nth++) {
    const { body } = await api.requestOtp({ email })
    t.equal((await api.verifyOtp({ challenge: body.challenge, code: CODE })).status, 200)
  }
  const others = []
  for (let nth = 0; nth < 6; nth++) others.push((await api.requestOtp({ email: 'maya@example.com' })).status)

  t.strictSame(others, [202, 202, 202, 202, 202, 429])
})

t.test('the code of one address opens no other', async (t) => {
  const { api } = await start(t, { TEST_ADDRESSES })

  for (const stranger of ['maya@example.com', 'other@example.com', 'xreview@example.com']) {
    const { body } = await api.requestOtp({ email: stranger })
    const answer = await api.verifyOtp({ challenge: body.challenge, code: CODE })

    t.match({ status: answer.status, code: answer.problem?.code }, { status: 401, code: 'code-rejected' }, stranger)
  }
  const { body } = await api.requestOtp({ email: 'maya@example.com' })
  t.match(body, { code_length: 6, code_alphabet: 'digits' })
})

t.test('tries and uses are counted as for any code', async (t) => {
  const { api } = await start(t, { TEST_ADDRESSES })
  const guessed = (await api.requestOtp({ email })).body.challenge
  const used = (await api.requestOtp({ email })).body.challenge

  for (let guess = 1; guess <= 3; guess++) await api.verifyOtp({ challenge: guessed, code: '000000' })
  const fourth = await api.verifyOtp({ challenge: guessed, code: CODE })
  const first = await api.verifyOtp({ challenge: used, code: CODE })
  const second = await api.verifyOtp({ challenge: used, code: CODE })

  t.strictSame([fourth.status, first.status, second.status], [401, 200, 401])
})

t.test('a login that wants a code besides says how long the fixed one is', async (t) => {
  const { api } = await start(t, { TEST_ADDRESSES, BCRYPT_COST: '4' })
  const login = () => api.loginWithPassword({ email, password: 'not the password of anybody' })
  const { body } = await api.requestOtp({ email })

  for (let guess = 1; guess <= 10; guess++) await login()
  const { status, problem } = await login()

  t.equal(status, 403)
  const { code_length, code_alphabet } = body
  t.match(problem?.next?.challenge, { code_length, code_alphabet })
  t.equal(code_length, CODE.replaceAll('-', '').length)
})

t.test('the code is good through its last day and no longer, by the clock of the database', async (t) => {
  const { another, sql } = await start(t)
  const [{ today, yesterday } = {}] = await sql<{ today: string; yesterday: string }>(
    `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD') as today,
            to_char(now() at time zone 'UTC' - interval '1 day', 'YYYY-MM-DD') as yesterday`
  )
  const statusUntil = async (lastDay: string | undefined): Promise<number> => {
    const { api } = await another({ TEST_ADDRESSES: `${email}:${CODE}:${lastDay}` })
    const { body } = await api.requestOtp({ email })
    return (await api.verifyOtp({ challenge: body.challenge, code: CODE })).status
  }

  t.equal(await statusUntil(today), 200)
  t.equal(await statusUntil(yesterday), 401)
})

t.test('one line in the log and a detail of readiness say that it is on, without a code or an address', async (t) => {
  const on = await start(t, { TEST_ADDRESSES })
  const off = await on.another({ TEST_ADDRESSES: '' })

  const health = await on.api.getReadiness()
  const without = await off.api.getReadiness()
  const lines = on.log.filter((line) => line.includes('test mode'))

  t.equal(health.status, 200)
  t.match(health.body.checks.test_mode, {
    ok: true,
    detail: `test mode: 2 addresses sign in with a fixed code, until ${day(1)} at the latest`
  })
  t.notHas(without.body.checks, { test_mode: Object })
  t.equal(lines.length, 1)
  t.notMatch(lines.join(), /review|RVW7/)
})

t.test('fixed codes that have ended are called so', async (t) => {
  t.match(testModeNotice(testAddresses(['a@b.example:ABCDEF:2020-01-01'])), /every fixed code has ended/)
  t.match(
    testModeNotice(testAddresses(['a@b.example:ABCDEF:2020-01-01', 'c@d.example:ABCDEF:2199-01-01'])),
    /1 address .* 2199-01-01/
  )
  t.equal(testModeNotice([]), undefined)
})

t.test('a start is refused for an address with a password, or one that was signed in to by mail', async (t) => {
  const { databaseUrl, settings, signIn, sql } = await start(t)
  await signIn(email)
  const startWith = (addresses: string) => startInstance(t, databaseUrl, { ...settings, TEST_ADDRESSES: addresses })
  const entry = `${email}:${CODE}:${day(1)}`

  await t.rejects(startWith(entry), { name: 'ConfigError', message: /r•••@example\.com, which has a session/ })
  await sql('update postern.session set revoked_at = now()')
  const instance = await startWith(entry)
  const { body } = await instance.api.requestOtp({ email })
  await instance.api.verifyOtp({ challenge: body.challenge, code: CODE })
  await t.resolves(startWith(entry), 'sessions of its own are no hindrance')
  await sql(`update postern."user" set password_hash = 'x'`)

  await t.rejects(startWith(entry), { name: 'ConfigError', message: /which has a password/ })
  await t.resolves(startWith(`other@example.com:${CODE}:${day(1)}`))
  await t.resolves(startWith(`${email}:${CODE}:${day(-2)}`), 'its code has ended')
})

t.test('a test session sets no password, which would keep the service from its next start', async (t) => {
  const { api, another } = await start(t, { TEST_ADDRESSES })
  const { body } = await api.requestOtp({ email })
  const session = await api.verifyOtp({ challenge: body.challenge, code: CODE })

  const { status, problem } = await api.changePassword(
    { password: 'sieben Zwetschgen im Korb' },
    { bearer: session.body.access_token }
  )

  t.match([status, problem.code], [403, 'test-session'])
  await t.resolves(another())
})
