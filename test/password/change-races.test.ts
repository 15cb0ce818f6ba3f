import t, { type Test } from 'tap'
import { newKey } from '../helper.ts'
import { pair } from '../pair.ts'
import { email, another as otherPassword, password } from './with-password.ts'

/** Somebody with a password, whose changes can be made to begin together. */
async function changing(t: Test, [here, there]: [string?, string?] = []) {
  const world = await pair(t, { BCRYPT_COST: '4', ...(here && { SECRET_KEYS: here }) })
  const second = there ? await world.another({ SECRET_KEYS: there }) : world.second
  const session = (await world.signIn(email)).body
  const bearer = session.access_token
  await world.api.changePassword({ password }, { bearer })
  const change = (next: string, at: number) =>
    (at % 2 ? second.api : world.api).changePassword({ current_password: password, password: next }, { bearer })
  /** Sends changes that have all read the password that is set before the first of them sets another. */
  const together = async (passwords: readonly string[], meanwhile = async () => {}) => {
    const held = await world.hold('select from postern."user" for update')
    const sent = passwords.map(change)
    await world.waiting(passwords.length)
    await meanwhile()
    await held.query('rollback')
    return await Promise.all(sent)
  }
  const login = (given: string) => world.api.loginWithPassword({ email, password: given })
  const notices = async () => (await world.sql(`select 1 from postern.mail where kind = 'password-changed'`)).length
  return { ...world, session, bearer, together, login, notices }
}

t.test(
  'a change that is sent again while it is under way is done once, and every answer says that it is done',
  async (t) => {
    const { together, api, session, bearer, login, notices } = await changing(t)

    const answers = await together(Array.from({ length: 6 }, () => otherPassword))

    t.strictSame(
      answers.map(({ status, body }) => [status, body]),
      answers.map(() => [200, { sessions_ended: 0 }])
    )
    t.equal(await notices(), 2, 'of the first password and of this one')
    t.equal((await api.getSession({ bearer })).status, 200)
    t.equal((await api.refreshSession({ refresh_token: session.refresh_token })).status, 200)
    t.equal((await login(otherPassword)).status, 200)
  }
)

t.test('and so it is while master keys are rotated, when either instance holds another budget row', async (t) => {
  const [old, newest] = [newKey(), newKey()]
  const { together, api, bearer } = await changing(t, [`${old},${newest}`, `${newest},${old}`])

  const answers = await together([otherPassword, otherPassword])

  t.strictSame(
    answers.map((answer) => answer?.status),
    [200, 200]
  )
  t.equal((await api.getSession({ bearer })).status, 200)
})

t.test(
  'of different changes at once one is done; the others are told of the password and not of their session',
  async (t) => {
    const { together, api, bearer, login, sql } = await changing(t)
    const passwords = Array.from({ length: 6 }, (_, at) => `${otherPassword}, ${at}`)

    const answers = await together(passwords)

    const won = answers.findIndex(({ status }) => status === 200)
    for (const [at, answer] of answers.entries())
      if (at !== won) t.match(answer.problem, { status: 401, code: 'credentials-rejected' })
    t.equal((await api.getSession({ bearer })).status, 200)
    t.equal((await login(passwords[won] as string)).status, 200)
    const pools = (await sql('select pools from postern.address_budget'))[0]
    t.strictSame(pools, { pools: {} }, 'and none of them counts as a guess')
  }
)

t.test('a change whose session ends meanwhile is told that', async (t) => {
  const { together, sql, login } = await changing(t)

  const [answer] = await together([otherPassword], async () => {
    await sql('update postern.session set revoked_at = now()')
  })

  t.match(answer?.problem, { status: 401, code: 'session-rejected' })
  t.equal((await login(password)).status, 200)
})

t.test('a right password that waits behind the last guess is refused with it, and leaves an event', async (t) => {
  const { api, second, bearer, hold, waiting, sql } = await changing(t)
  const guess = (current_password: string, at = api) =>
    at.changePassword({ current_password, password: 'neun Birnen in der Schale' }, { bearer })
  await sql(`update postern."user" set credential_changed_at = credential_changed_at - interval '1 minute'`)
  for (let nth = 1; nth <= 9; nth++) await guess(otherPassword)

  const held = await hold('select from postern.address_budget for update')
  const wrong = guess(otherPassword)
  await waiting(1)
  const right = guess(password, second.api)
  await waiting(2)
  await held.query('rollback')

  t.match([await wrong, await right], [{ status: 401 }, { status: 403, problem: { code: 'step-up-required' } }])
  t.strictSame(
    await sql(`select outcome, count(*)::int from postern.event where kind = 'password_change_refused' group by 1
      order by 1`),
    [
      { outcome: 'sign_in_required', count: 1 },
      { outcome: 'wrong_password', count: 10 }
    ]
  )
})
