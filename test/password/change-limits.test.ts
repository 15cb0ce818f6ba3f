import t from 'tap'
import { email, another as otherPassword, password, startWithPasswords } from './with-password.ts'

const third = 'neun Birnen in der Schale'

t.test('whoever knows the password cannot keep the mailbox out by changing it again and again', async (t) => {
  const { api, signUp, askForLink, codeOf, mails, sql } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const change = () => api.changePassword({ current_password: password, password }, { bearer })
  const notices = () => mails(email).filter(({ text }) => text.includes('password was changed')).length

  const statuses: number[] = []
  for (let nth = 0; nth < 9; nth++) statuses.push((await change()).status)
  const { challenge } = (await api.requestOtp({ email })).body
  const token = await askForLink()
  const before = notices()
  const refused = await change()

  t.strictSame(statuses, Array(9).fill(200), 'ten with the first')
  t.match(refused.problem, { status: 429, code: 'too-many-requests' })
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(wait > 3500 && wait <= 3600, `another in ${wait} s`)
  t.equal(notices(), before, 'and nobody is told of what was refused')
  t.equal((await api.inspectPasswordReset({ token })).status, 200)
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)

  await sql(`update postern."user" set change_level_at = change_level_at - interval '1 hour'`)
  t.strictSame([(await change()).status, (await change()).status], [200, 429], 'one more an hour later')
  t.equal((await api.resetPassword({ token: await askForLink(), password })).status, 200, 'a link is not counted')
})

t.test('a change that comes to nothing is not counted', async (t) => {
  const { api, signUp } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token

  for (let nth = 0; nth < 9; nth++) {
    const [current_password, next] = nth % 2 ? [password, 'too short'] : [otherPassword, third]
    t.match(await api.changePassword({ current_password, password: next }, { bearer }), { status: nth % 2 ? 422 : 401 })
  }
  const statuses: number[] = []
  for (let nth = 0; nth < 9; nth++)
    statuses.push((await api.changePassword({ current_password: password, password }, { bearer })).status)

  t.strictSame(statuses, Array(9).fill(200))
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

t.test('what a sign-in may no longer guess is not even hashed', async (t) => {
  const { api, signUp, ctx } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  const guess = (current_password: string) => api.changePassword({ current_password, password: third }, { bearer })
  for (let nth = 0; nth < 10; nth++) await guess(otherPassword)
  const hashed = t.capture(ctx.passwords, 'check')

  t.equal((await guess(otherPassword)).status, 403)
  t.equal((await guess(password)).status, 403)
  t.strictSame(hashed(), [])
})
