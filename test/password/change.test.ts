import t from 'tap'
import { malformed } from '../contract-client.ts'
import { until } from '../helper.ts'
import { email, another as otherPassword, password, startWithPasswords } from './with-password.ts'

t.test('whoever has just signed in sets a first password; their session goes on and the others end', async (t) => {
  const { api, signIn, login, isLive, mails } = await startWithPasswords(t)
  const [mine, other, third] = [await signIn(email), await signIn(email), await signIn(email)]

  const answer = await api.changePassword({ password }, { bearer: mine.body.access_token })

  t.strictSame(answer.body, { sessions_ended: 2 })
  t.strictSame(await Promise.all([mine, other, third].map((one) => isLive(one))), [true, false, false])
  t.equal((await api.refreshSession({ refresh_token: mine.body.refresh_token })).status, 200)
  t.match((await api.getMe({ bearer: mine.body.access_token })).body, { has_password: true })
  t.equal((await login()).status, 200)
  await until(() => mails(email).find(({ subject }) => subject === 'Your Postern password was changed'))
})

t.test('a change counts the sessions that it ends, and none that an earlier one has ended', async (t) => {
  const { api, signUp, signIn } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const change = async (current_password: string, next: string) =>
    (await api.changePassword({ current_password, password: next }, { bearer })).body

  await signIn(email)
  const first = await change(password, otherPassword)
  await signIn(email)
  const second = await change(otherPassword, password)

  t.strictSame([first, second], [{ sessions_ended: 1 }, { sessions_ended: 1 }])
})

t.test('a password that is set must be given to change it', async (t) => {
  const { api, signUp, login } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const next = { password: otherPassword }

  for (const body of [next, { ...next, current_password: otherPassword }])
    t.match((await api.changePassword(body, { bearer })).problem, { status: 401, code: 'credentials-rejected' })
  const changed = await api.changePassword({ ...next, current_password: password }, { bearer })

  t.equal(changed.status, 200)
  t.equal((await login(password)).status, 401)
  t.equal((await login(otherPassword)).status, 200)
})

t.test('after ten wrong current passwords a right one is refused as well, until the next sign-in', async (t) => {
  const { api, signUp, another, events, sql } = await startWithPasswords(t)
  const second = await another()
  const bearer = (await signUp()).body.access_token
  const before = await sql('select password_level from postern.address_budget')
  const change = (current: string, next = otherPassword, by = api) =>
    by.changePassword({ current_password: current, password: next }, { bearer })

  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)
  await api.changePassword({ password: otherPassword }, { bearer }) // nothing is guessed by that
  const wrong = await Promise.all(
    Array.from({ length: 14 }, (_, at) => change(`${otherPassword} ${at}`, undefined, at % 2 ? second.api : api))
  )
  const right = await change(password)
  const rightAndShort = await change(password, 'too short')
  const renewed = await api.loginWithPassword({ email, password }, { bearer })
  const afterwards = [await change(otherPassword), await change(password)]

  t.equal(wrong.filter(({ problem }) => problem.code === 'credentials-rejected').length, 10)
  t.equal(wrong.filter(({ problem }) => problem.code === 'step-up-required').length, 4)
  t.match(right.problem, { status: 403, code: 'step-up-required' })
  t.match(rightAndShort.problem, { status: 403, code: 'step-up-required' }, 'nor is the new one spoken of')
  t.equal(renewed.status, 200, 'they count neither against the login of the address')
  t.strictSame(await sql('select password_level from postern.address_budget'), before)
  t.strictSame(
    afterwards.map(({ status }) => status),
    [401, 200]
  )
  const refused = (await events('password_change_refused')).map(({ outcome }) => outcome)
  t.equal(refused.filter((outcome) => outcome === 'wrong_password').length, 11)
  t.equal(refused.filter((outcome) => outcome === 'sign_in_required').length, 6)
})

t.test('guesses at sign-ins that are over leave nothing behind', async (t) => {
  const { api, signUp, login, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const pools = async () => {
    const rows = await sql<{ pool: string }>('select jsonb_object_keys(pools) as pool from postern.address_budget')
    return rows.map(({ pool }) => pool).filter((pool) => pool.includes('session'))
  }
  const guess = () => api.changePassword({ current_password: otherPassword, password: `${password}!` }, { bearer })
  const signInAgain = () => api.loginWithPassword({ email, password }, { bearer })
  const later = (seconds: number) =>
    sql(
      `update postern.address_budget set pools = (
        select jsonb_object_agg(key, jsonb_build_array(value -> 0, (value ->> 1)::float8 - $1)) from jsonb_each(pools))`,
      [seconds]
    )

  await guess()
  const first = await pools()
  await signInAgain()
  await guess()
  await later(330)
  await guess()
  t.equal((await pools()).length, 2, 'the sign-in before may still be guessed at by a request under way')
  await later(361)
  await login(otherPassword) // the known network has a level of its own
  await signInAgain()
  await guess()

  const left = await pools()
  t.equal(left.length, 1)
  t.notSame(left, first)
  const others = (await sql<{ pools: object }>('select pools from postern.address_budget'))[0]
  t.equal(Object.keys(others?.pools ?? {}).length, 2, 'levels of devices and networks stay')
})

t.test('a sign-in older than five minutes is not enough, and signing in again is', async (t) => {
  const { api, signUp, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const change = () => api.changePassword({ current_password: password, password: otherPassword }, { bearer })
  const signedInAgo = (time: string) =>
    sql('update postern.session set authenticated_at = now() - $1::interval', [time])

  await signedInAgo('5 minutes 1 second')
  const tooOld = await change()
  const bad = await api.changePassword(malformed({ password: 7 }), { bearer })
  await api.loginWithPassword({ email, password }, { bearer })
  const renewed = await change()

  t.match(tooOld.problem, { status: 403, code: 'step-up-required' })
  t.match(bad.problem, { status: 400, code: 'invalid-request' })
  t.equal(renewed.status, 200)
  await signedInAgo('4 minutes 50 seconds')
  const again = { current_password: otherPassword, password }
  t.equal((await api.changePassword(again, { bearer })).status, 200)
})

t.test('a change ends open links and open codes', async (t) => {
  const { api, signUp, askForLink, codeOf } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const token = await askForLink()
  const { challenge } = (await api.requestOtp({ email })).body

  await api.changePassword({ current_password: password, password: otherPassword }, { bearer })

  t.equal((await api.inspectPasswordReset({ token })).status, 401)
  t.equal((await api.resetPassword({ token, password })).status, 401)
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 401)
  t.equal((await api.inspectPasswordReset({ token: await askForLink() })).status, 200)
})

t.test('a change whose answer was lost may be sent again within a minute, by the session that made it', async (t) => {
  const { api, signIn, login, sql } = await startWithPasswords(t)
  const bearer = (await signIn(email)).body.access_token
  const first = { password }
  const second = { current_password: password, password: otherPassword }
  const wrong = { status: 401, problem: { code: 'credentials-rejected' } }

  for (const body of [first, first, second, second])
    t.match(await api.changePassword(body, { bearer }), { status: 200, body: { sessions_ended: 0 } })

  t.equal((await login(otherPassword)).status, 200)
  t.equal((await sql(`select from postern.mail where kind = 'password-changed'`)).length, 2)
  t.strictSame(await sql('select pools from postern.address_budget'), [{ pools: {} }], 'and none of them was a guess')
  t.match(await api.changePassword({ ...second, password }, { bearer }), wrong, 'another one is none')
  t.match(await api.changePassword({ password }, { bearer }), wrong)
  const other = (await signIn(email)).body.access_token
  t.match(await api.changePassword(second, { bearer: other }), wrong, 'nor is that of another session')
  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)
  t.match(await api.changePassword(second, { bearer }), wrong, 'nor one that comes late')
})

t.test('links that a change has ended take no room from new ones', async (t) => {
  const { api, signIn, askForLink, emptyLanes } = await startWithPasswords(t)
  const bearer = (await signIn(email)).body.access_token
  await api.changePassword({ password }, { bearer })
  for (let link = 1; link <= 3; link++) await askForLink()
  await emptyLanes()

  await api.changePassword({ current_password: password, password: otherPassword }, { bearer })
  const token = await askForLink()

  t.equal((await api.inspectPasswordReset({ token })).status, 200)
})

t.test('a refused password changes nothing', async (t) => {
  const { api, signUp, login, signIn, isLive } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const other = await signIn(email)

  const answer = await api.changePassword({ current_password: password, password: 'maya@example.com' }, { bearer })

  t.match(answer.problem, { status: 422, reason: 'personal' })
  t.ok(await isLive(other))
  t.equal((await login(password)).status, 200)
})

t.test('without a live session there is no password to change', async (t) => {
  const { api, signUp } = await startWithPasswords(t)
  const { body } = await signUp()
  await api.logout({ refresh_token: body.refresh_token })

  for (const bearer of [undefined, 'x', body.access_token])
    t.match((await api.changePassword({ password }, { bearer })).problem, { code: 'session-rejected' })
})
