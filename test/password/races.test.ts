import { sql } from 'kysely'
import t from 'tap'
import type { Context } from '../../src/context.ts'
import { newId } from '../../src/lib/identifier.ts'
import { login as logIn } from '../../src/password/login.ts'
import { resetPassword } from '../../src/password/reset-password.ts'
import { newKey, until } from '../helper.ts'
import { pair } from '../pair.ts'
import { email, another as otherPassword, password, startWithPasswords, tokenIn } from './with-password.ts'

const client = () => ({ network: null, agent: null, requestId: newId() })

t.test('64 resets at once with one token over two instances set one password', async (t) => {
  const { api, another, signIn, askForLink, login, sql: query } = await startWithPasswords(t)
  const second = await another()
  await signIn(email)
  const token = await askForLink()
  const chosen = (index: number) => `${password}, Nummer ${index}`

  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      (index % 2 ? second.api : api).resetPassword({ token, password: chosen(index) })
    )
  )

  const winners = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
  t.equal(winners.length, 1)
  t.equal(answers.filter(({ problem }) => problem?.code === 'reset-rejected').length, 63)
  t.equal((await login(chosen(winners[0] as number))).status, 200)
  t.match(await query('select credential_version from postern."user"'), [{ credential_version: 2 }])
  t.match(await query(`select count(*)::int from postern.mail where kind = 'password-changed'`), [{ count: 1 }])
})

t.test('two links used at once set one password', async (t) => {
  const { api, another, signIn, askForLink, sql: query } = await startWithPasswords(t)
  const second = await another()
  await signIn(email)

  for (let round = 1; round <= 10; round++) {
    await query(`update postern.address_budget set lanes = '{}'`)
    const tokens = [await askForLink(), await askForLink()]
    const answers = await Promise.all(
      tokens.map((token, index) =>
        (index ? second.api : api).resetPassword({ token, password: `${password} ${index}` })
      )
    )
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 401], `round ${round}`)
  }
})

t.test('no session of a login under way survives a reset, whichever is first', async (t) => {
  const { ctx, signUp, sql: query } = await startWithPasswords(t)
  const [people, rounds] = [10, 50]
  const emails = Array.from({ length: people }, (_, nth) => `maya${nth}@example.com`)
  for (const each of emails) await signUp(each)
  const passwords = [password, otherPassword] as const
  const keyId = ctx.secrets.ring.newest.id
  const alive = () =>
    query(`select s.id from postern.session as s join postern."user" as u on u.id = s.user_id
      where s.credential_version = u.credential_version and s.revoked_at is null`)
  const survivors: unknown[] = []

  for (let round = 0; round < rounds; round++) {
    const [old, next] = [passwords[round % 2], passwords[(round + 1) % 2]] as [string, string]
    const meet = async (address: string, nth: number): Promise<void> => {
      const id = newId()
      await makeReset(ctx, id, address)
      const token = ctx.secrets.resetToken({ keyId, id })
      const asked = { email: address, password: old, acceptLanguage: undefined, deviceToken: undefined }
      const reset = resetPassword(ctx, { token, password: next, idempotencyKey: undefined }, client())
      for (let queries = nth % 3; queries > 0; queries--) await sql`select`.execute(ctx.db) // so that either may be first
      await logIn(ctx, { ...asked, session: undefined }, client()).catch(() => {})
      await reset
    }
    await Promise.all(emails.map(meet))
    survivors.push(...(await alive())) // before the next reset ends what this one let live
  }

  t.strictSame(survivors, [])
  const judged = await query<{ outcome: string; count: number }>(
    `select outcome, count(*)::int from postern.event where kind = 'sign_in_by_password' group by outcome`
  )
  const counts = Object.fromEntries(judged.map(({ outcome, count }) => [outcome, count]))
  const [signedIn = 0, overtaken = 0] = [counts.signed_in, counts.overtaken]
  t.equal(
    judged.reduce((sum, { count }) => sum + count, 0),
    people * rounds
  )
  t.ok(signedIn > 25 && overtaken > 25, `either was first: ${JSON.stringify(counts)}`)
  const versions = await query('select distinct credential_version from postern."user"')
  t.strictSame(versions, [{ credential_version: rounds + 2 }], 'every reset was done')
})

t.test('a login that commits while a reset is held open opens no session', async (t) => {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const { api, signIn, hold, waiting, sql: query } = world
  const { body } = await signIn(email)
  await api.changePassword({ password }, { bearer: body.access_token })
  const reset = await hold(
    `update postern."user" set credential_version = credential_version + 1, credential_changed_at = clock_timestamp()`
  )

  const login = api.loginWithPassword({ email, password })
  await waiting(1)
  await reset.query('commit')

  t.match((await login).problem, { status: 401, code: 'credentials-rejected' })
  t.match(await query(`select outcome from postern.event where kind = 'sign_in_by_password'`), [
    { outcome: 'overtaken' }
  ])
})

for (const which of ['older', 'newer'] as const)
  t.test(`while keys are rotated a link that is asked for under the ${which} key waits for a reset`, async (t) => {
    const [old, newest] = [newKey(), newKey()]
    const first = await pair(t, { BCRYPT_COST: '4', SECRET_KEYS: `${old},${newest}` })
    const second = await first.another({ SECRET_KEYS: `${newest},${old}` })
    const asking = which === 'older' ? first : second
    const linksOf = ({ inbox }: Pick<typeof first, 'inbox'>) =>
      (inbox?.mails(email) ?? []).filter(({ text }) => text.includes('#token='))
    await first.signIn(email)
    await first.api.requestPasswordReset({ email })
    const { text } = await until(() => linksOf(first)[0])
    const before = linksOf(asking).length

    const account = await first.hold('update postern."user" set updated_at = now()')
    const reset = second.api.resetPassword({ token: tokenIn(text), password })
    await first.waiting(1)
    const asked = asking.api.requestPasswordReset({ email })
    await Promise.race([asked, first.waiting(2)])
    await account.query('commit')

    t.equal((await reset).status, 200)
    t.equal((await asked).status, 202)
    const [mail] = await until(() => linksOf(asking).length > before && linksOf(asking))
    const token = tokenIn(mail?.text ?? '')
    t.equal((await first.api.inspectPasswordReset({ token })).status, 200, 'or it would be one of before')
  })

t.test('a refresh that meets a change of the password is answered, for the session goes on', async (t) => {
  const { api, signIn, hold, waiting, sql: query } = await pair(t, { BCRYPT_COST: '4' })
  const { body } = await signIn(email)
  const change = await hold(`update postern."user" set credential_version = credential_version + 1`)
  await change.query(`update postern.session set credential_version = credential_version + 1`)

  const refreshed = api.refreshSession({ refresh_token: body.refresh_token })
  await waiting(1)
  await change.query('commit')

  t.equal((await refreshed).status, 200)
  t.match(await query('select generation from postern.session'), [{ generation: 2 }])
})

t.test('an old hash is made anew at login, and never over a newer password', async (t) => {
  const { signUp, another, sql: query, hold, waiting } = await rehashing(t)
  await signUp()
  const [before] = await query<{ password_hash: string }>('select password_hash from postern."user"')
  const stronger = await another({ BCRYPT_COST: '5' })

  const upgraded = await stronger.api.loginWithPassword({ email, password })
  const [after] = await query<{ password_hash: string; credential_version: number }>(
    'select password_hash, credential_version from postern."user"'
  )
  await query('update postern."user" set password_hash = $1', [before?.password_hash])
  const change = await hold(`update postern."user" set password_hash = 'newer'`)
  const login = stronger.api.loginWithPassword({ email, password })
  await waiting(1)
  await change.query('commit')

  t.equal(upgraded.status, 200)
  t.match(after?.password_hash, /\$05\$/)
  t.match(after, { credential_version: 2 }, 'sessions go on')
  t.equal((await login).status, 200, 'the version was the same: the password was right when it was read')
  t.match(await query('select password_hash from postern."user"'), [{ password_hash: 'newer' }])
})

t.test('sign-ins by code, requests, resets and changes at once end without a deadlock', async (t) => {
  const { api, another, signUp, codeOf, sql: query, ctx, log } = await startWithPasswords(t)
  const second = await another()
  const { body } = await signUp()
  const keyId = ctx.secrets.ring.newest.id

  for (let round = 0; round < 15; round++) {
    await query(`update postern.address_budget set lanes = '{}', code_level = 0, pools = '{}'`)
    const { challenge } = (await api.requestOtp({ email })).body
    const ids = [newId(), newId()]
    for (const id of ids) await makeReset(ctx, id, email)
    const [one, two] = ids.map((id) => ctx.secrets.resetToken({ keyId, id })) as [string, string]
    const answers = await Promise.all([
      api.verifyOtp({ challenge, code: codeOf(challenge) }),
      second.api.resetPassword({ token: one, password }),
      api.resetPassword({ token: two, password }),
      second.api.requestPasswordReset({ email }),
      api.loginWithPassword({ email, password }),
      second.api.changePassword({ current_password: password, password }, { bearer: body.access_token })
    ])
    t.strictSame(
      answers.filter(({ status }) => status >= 500),
      [],
      `round ${round}`
    )
  }
  t.notMatch([...log, ...second.log].join(''), /deadlock|40P01/)
  const [found] = await query(`select deadlocks::int from pg_stat_database where datname = current_database()`)
  t.equal(found?.deadlocks, 0)
})

/** A live reset of an account, as a mail would bring it. */
const makeReset = (ctx: Context, id: string, address: string) =>
  sql`
    insert into postern.password_reset (id, email, email_key, budget_key, expires_at, key_id)
    select ${id}, email, email_key, 'x', now() + interval '1 day', ${ctx.secrets.ring.newest.id} from postern."user"
    where email = ${address}`.execute(ctx.db)

/** Two instances and a database whose rows can be held, with passwords. */
async function rehashing(t: Parameters<typeof pair>[0]) {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const signUp = async (): Promise<void> => {
    const { body } = await world.signIn(email)
    await world.api.changePassword({ password }, { bearer: body.access_token })
  }
  return { ...world, signUp }
}
