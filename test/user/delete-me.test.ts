import { randomUUID } from 'node:crypto'
import t from 'tap'
import { until, wrongCode } from '../helper.ts'
import { keeperOf } from '../housekeeping/keeper.ts'
import { withKey } from '../pair.ts'
import { email, password, startWithPasswords } from '../password/with-password.ts'

t.test('whoever leaves takes everything along, and a mail says so', async (t) => {
  const { api, signUp, login, signIn, askForLink, codeOf, isLive, sql, mails, url } = await startWithPasswords(t)
  const mine = await signUp('Maya@Example.com')
  const others = [await login(), await signIn('noor@example.com')]
  const token = await askForLink()
  const { challenge } = (await api.requestOtp({ email })).body
  const id = mine.body.user.id

  const response = await fetch(`${url}/v1/me`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${mine.body.access_token}`, 'user-agent': 'Mozilla/5.0 (iPhone) Safari/604.1' }
  })

  t.equal(response.status, 204)
  t.strictSame(await Promise.all([mine, ...others].map((one) => isLive(one))), [false, false, true])
  t.equal((await api.inspectPasswordReset({ token })).status, 401)
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 401)
  t.equal((await login()).status, 401)
  for (const table of ['"user"', 'challenge', 'password_reset', 'device', 'known_network'])
    t.strictSame(await sql(`select 1 from postern.${table} where email_key = $1`, [email]), [], table)
  t.strictSame(await sql('select 1 from postern.session where user_id = $1', [id]), [])
  t.match(await sql(`select outcome from postern.event where kind = 'account_deleted' and user_id = $1`, [id]), [{}])
  const notice = await until(() => mails(email).find(({ subject }) => subject === 'Your Postern account was deleted'))
  t.equal(notice.to, 'Maya@example.com', 'the spelling that the account had')
  t.match(notice.text, /^Device: Safari, iPhone$/m)
  t.strictSame(
    await sql(`select round(extract(epoch from valid_until - created_at) / 86400)::int as days from postern.mail
      where kind = 'account-deleted'`),
    [{ days: 3 }],
    'after which it would only confuse'
  )
})

t.test('nothing of whoever leaves, or of their clients, stays in the challenges of the account', async (t) => {
  const { api, codeOf, sql } = await startWithPasswords(t)
  const headers = { 'user-agent': 'Phone/1' }
  const { challenge } = (await api.requestOtp({ email, locale: 'de' }, { headers })).body
  const { body } = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { headers })
  await api.requestOtp({ email, locale: 'de', device_token: body.device_token }, { headers })

  await api.deleteMe({ bearer: body.access_token })

  const columns = 'email, email_key, locale, device_id, client_network, client_agent'
  t.strictSame(await sql(`select distinct ${columns} from postern.challenge`), [
    { email: '', email_key: '', locale: null, device_id: null, client_network: null, client_agent: null }
  ])
})

t.test('the address can begin anew, as somebody else', async (t) => {
  const { api, signUp, signIn, login } = await startWithPasswords(t)
  const { body: before } = await signUp()
  await api.deleteMe({ bearer: before.access_token })

  const { body: after } = await signIn(email)

  t.not(after.user.id, before.user.id)
  t.match(after.user, { email, has_password: false })
  t.equal((await login(password)).status, 401)
})

t.test('a code that was spent does not come again when its account is gone', async (t) => {
  const world = await startWithPasswords(t)
  const { api, codeOf } = world
  const asking = withKey(randomUUID())
  const { challenge } = (await api.requestOtp({ email }, asking)).body
  const code = codeOf(challenge)
  const signedIn = await api.verifyOtp({ challenge, code })
  await api.deleteMe({ bearer: signedIn.body.access_token })
  await world.sql(
    `update postern.challenge set expires_at = now() - interval '1 hour', created_at = created_at - interval '2 hours'`
  )
  const keeper = await keeperOf(world)
  await keeper.settle()
  await keeper.purge()

  const again = await api.requestOtp({ email }, asking)
  const retried = await api.requestOtp({ email }, asking)
  const replayed = await api.verifyOtp({ challenge, code })

  t.match(replayed.problem, { status: 401, code: 'code-rejected' })
  t.not(again.body.challenge, challenge)
  t.equal(retried.body.challenge, again.body.challenge, 'the key holds for the new one as well')
  t.equal((await api.verifyOtp({ challenge: again.body.challenge, code: codeOf(again.body.challenge) })).status, 200)
})

t.test('whoever holds a challenge does not learn that its account is gone', async (t) => {
  const { api, signUp, sql, mails, codeOf } = await startWithPasswords(t, { CODE_RESEND_AFTER: '0' })
  const mine = await signUp()
  const asked = await Promise.all([api.requestOtp({ email }), api.requestOtp({ email: 'nobody@example.com' })])
  const [known, unknown] = asked.map(({ body }) => body.challenge as string) as [string, string]
  const sent = await until(() => mails(email).find(({ text }) => text.includes(codeOf(known))))
  /** What becomes of a mail that waits for its server once more. */
  const becomes = async ({ id }: { id: string }): Promise<string> => {
    const look = () => sql<{ state: string }>('select state from postern.mail where id = $1', [id])
    await until(async () => (await look())[0]?.state === 'sent')
    await sql(`update postern.mail set state = 'queued', due_at = now(), settled_at = null where id = $1`, [id])
    return await until(async () => (await look()).find(({ state }) => state !== 'queued')?.state)
  }
  await api.deleteMe({ bearer: mine.body.access_token })

  const resent = await Promise.all([known, unknown].map((challenge) => api.resendOtp({ challenge })))
  const guessed = await Promise.all(
    [known, unknown].map((challenge) => api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) }))
  )

  t.strictSame(
    resent.map(({ status }) => status),
    [202, 202]
  )
  const [told, alike] = guessed.map(({ problem }) => ({ ...problem, instance: 'masked' }))
  t.strictSame(told, alike)
  t.strictSame(await sql(`select 1 from postern.mail where email_key = ''`), [], 'no other mail was promised')
  t.strictSame(await becomes(sent), 'expired', 'and one that was promised before goes nowhere')
})

t.test('nor does whoever asks for a code again under the same key', async (t) => {
  const { api, signUp } = await startWithPasswords(t)
  const mine = await signUp()
  const key = withKey(randomUUID())
  const ask = async (): Promise<string> => (await api.requestOtp({ email }, key)).body.challenge
  const before = await ask()

  await api.deleteMe({ bearer: mine.body.access_token })

  t.equal(await ask(), before)
})

t.test('leaving wants a sign-in of the last five minutes', async (t) => {
  const { api, signUp, sql, login } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await sql(`update postern.session set authenticated_at = authenticated_at - interval '301 seconds'`)

  const answer = await api.deleteMe({ bearer })

  t.match(answer.problem, { status: 403, code: 'step-up-required' })
  t.equal((await login()).status, 200)
  t.match((await api.deleteMe({})).problem, { status: 401, code: 'session-rejected' })
})

t.test('a right code under way while the account is deleted opens no session', async (t) => {
  const { api, another, signUp, codeOf, sql } = await startWithPasswords(t)
  const second = await another()

  for (let round = 0; round < 12; round++) {
    const { body } = await signUp(`maya${round}@example.com`)
    const { challenge } = (await api.requestOtp({ email: `maya${round}@example.com` })).body
    const [left, verified] = await Promise.all([
      api.deleteMe({ bearer: body.access_token }),
      second.api.verifyOtp({ challenge, code: codeOf(challenge) })
    ])
    t.equal(left.status, 204)
    if (verified.status === 200)
      t.equal((await api.getSession({ bearer: verified.body.access_token })).status, 401, 'it came first, and ended')
  }
  t.strictSame(await sql('select 1 from postern.session'), [])
})
