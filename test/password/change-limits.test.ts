import t from 'tap'
import type { Answer } from '../contract-client.ts'
import { newKey, until } from '../helper.ts'
import { email, another as otherPassword, password, startWithPasswords } from './with-password.ts'

const third = 'neun Birnen in der Schale'

t.test('whoever knows the password cannot keep the mailbox out by changing it again and again', async (t) => {
  const { api, signUp, askForLink, codeOf, sql, log } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const change = () => api.changePassword({ current_password: password, password }, { bearer })
  const notices = async () => (await sql(`select from postern.mail where kind = 'password-changed'`)).length

  const statuses: number[] = []
  for (let nth = 0; nth < 29; nth++) statuses.push((await change()).status)
  const { challenge } = (await api.requestOtp({ email })).body
  const token = await askForLink()
  const before = await notices()
  const refused = await change()

  t.strictSame(statuses, Array(29).fill(200), 'thirty with the first')
  t.match(refused.problem, { status: 429, code: 'too-many-requests' })
  t.ok(await until(() => log.find((line) => JSON.parse(line).limit === 'account')))
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(wait > 8 * 3600 - 100 && wait <= 8 * 3600, `another in ${wait} s`)
  t.equal(await notices(), before, 'and nobody is told of what was refused')
  t.equal((await api.inspectPasswordReset({ token })).status, 200)
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)

  await sql(`update postern."user" set change_level_at = change_level_at - interval '8 hours'`)
  t.strictSame([(await change()).status, (await change()).status], [200, 429], 'one more eight hours later')
  t.equal((await api.resetPassword({ token: await askForLink(), password })).status, 200, 'a link is not counted')
})

t.test('a change that comes to nothing is not counted', async (t) => {
  const { api, signUp, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)

  for (let nth = 0; nth < 9; nth++) {
    const [current_password, next] = nth % 2 ? [password, 'too short'] : [otherPassword, third]
    t.match(await api.changePassword({ current_password, password: next }, { bearer }), { status: nth % 2 ? 422 : 401 })
  }
  const statuses: number[] = []
  for (let nth = 0; nth < 29; nth++)
    statuses.push((await api.changePassword({ current_password: password, password }, { bearer })).status)

  t.strictSame(statuses, Array(29).fill(200))
})

t.test('one account does not fill the line in which everybody’s passwords wait', async (t) => {
  const { api, signUp, login, signIn } = await startWithPasswords(t, { HASH_THREADS: '1', HASH_QUEUE: '1' })
  await signUp('noor@example.com')
  await signUp()
  const sessions = [await signIn(email), await signIn(email), await signIn(email)]

  const guesses = Array.from({ length: 24 }, (_, nth) =>
    api.changePassword({ current_password: otherPassword, password }, { bearer: sessions[nth % 3]?.body.access_token })
  )
  const other = await login(password, 'noor@example.com')

  t.equal(other.status, 200)
  for (const { status } of await Promise.all(guesses)) t.equal(status, 401)
})

t.test('what a sign-in may no longer guess is not even hashed, and leaves an event', async (t) => {
  const { api, signUp, ctx, events, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)
  const guess = (current_password: string) => api.changePassword({ current_password, password: third }, { bearer })
  for (let nth = 0; nth < 10; nth++) await guess(otherPassword)
  const hashed = t.capture(ctx.passwords, 'check')

  t.equal((await guess(otherPassword)).status, 403)
  t.equal((await guess(password)).status, 403)
  t.strictSame(hashed(), [])
  t.strictSame(
    (await events('password_change_refused')).map(({ outcome }) => outcome),
    [...Array(10).fill('wrong_password'), 'sign_in_required', 'sign_in_required']
  )
})

t.test('a change that there is no room for is refused before anything is hashed', async (t) => {
  const { api, signUp, ctx, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await sql(`update postern."user" set change_level = 30, change_level_at = clock_timestamp(),
    credential_changed_at = credential_changed_at - interval '1 minute'`)
  const [checked, hashed] = [t.capture(ctx.passwords, 'check'), t.capture(ctx.passwords, 'hash')]

  const refused = await api.changePassword({ current_password: password, password: third }, { bearer })

  t.equal(refused.status, 429)
  t.strictSame([checked(), hashed()], [[], []])
})

t.test('within the minute in which a change may be sent again a guess is one all the same', async (t) => {
  const { api, signUp, events } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const again = (next: string) => api.changePassword({ password: next }, { bearer })

  const guesses: number[] = []
  for (let nth = 0; nth < 12; nth++) guesses.push((await again(`${otherPassword} ${nth}`)).status)

  t.strictSame(guesses, [...Array(10).fill(401), 403, 403])
  t.equal((await again(password)).status, 403, 'nor is the right one told')
  t.equal((await events('password_change_refused')).length, 13)
})

t.test('within that minute a request that guesses at two passwords is two guesses', async (t) => {
  const { api, signUp } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const guess = (current_password: string, next: string) =>
    api.changePassword({ current_password, password: next }, { bearer })

  const guesses: number[] = []
  for (let nth = 0; nth < 6; nth++) guesses.push((await guess(`${third} ${nth}`, `${otherPassword} ${nth}`)).status)

  t.strictSame(guesses, [401, 401, 401, 401, 401, 403])
  t.equal((await guess(third, password)).status, 403)
})

t.test('a change whose answer was lost is repeated also by who has nearly used up the guesses', async (t) => {
  const { api, signUp, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)
  const change = (current_password: string) => api.changePassword({ current_password, password: third }, { bearer })
  for (let nth = 0; nth < 9; nth++) await change(otherPassword)

  t.strictSame([(await change(password)).status, (await change(password)).status], [200, 200])
})

t.test('of changes that come together no more are made than there is room for', async (t) => {
  const [old, newest] = [newKey(), newKey()]
  const { api, another, signUp, sql } = await startWithPasswords(t, { SECRET_KEYS: `${old},${newest}` })
  const second = await another({ SECRET_KEYS: `${newest},${old}`, BCRYPT_COST: '4' })
  const bearer = (await signUp()).body.access_token
  await sql(`update postern."user" set change_level = 29, change_level_at = clock_timestamp()`)
  const change = { current_password: password, password: otherPassword }

  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, nth) => (nth % 2 ? second.api : api).changePassword(change, { bearer }))
  )

  t.strictSame(
    answers.map(({ status }) => status),
    Array(6).fill(200),
    'the same change is made once, and every try is told so'
  )
  const [user] = await sql<{ version: number; level: number }>(
    'select credential_version as version, round(change_level)::int as level from postern."user"'
  )
  t.strictSame(user, { version: 3, level: 30 })
  t.equal((await api.changePassword({ current_password: otherPassword, password: third }, { bearer })).status, 429)
})

t.test('who would wait too long behind an account’s own requests is told to come back', async (t) => {
  const { api, signUp, ctx } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const check = ctx.passwords.check.bind(ctx.passwords)
  t.intercept(ctx.passwords, 'check', {
    value: (...given: Parameters<typeof check>) => held.then(() => check(...given))
  })

  const all = Array.from({ length: 110 }, (_, nth) =>
    api.changePassword({ current_password: `${otherPassword} ${nth}`, password: third }, { bearer })
  )
  const answered: Answer[] = []
  for (const one of all) void one.then((answer) => answered.push(answer))
  await until(() => answered.length === 9)
  const refused = [...answered]
  release()
  await Promise.all(all)

  for (const { problem } of refused) t.match(problem, { status: 503, code: 'unavailable' })
  t.notOk(answered.slice(9).some(({ status }) => status === 503))
})
