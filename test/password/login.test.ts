import t from 'tap'
import { malformed } from '../contract-client.ts'
import { another, email, password, startWithPasswords } from './with-password.ts'

t.test('unknown, without password, disabled and wrong are one answer, and one event each', async (t) => {
  const { api, signUp, signIn, sql, login, events } = await startWithPasswords(t)
  await signUp()
  await signIn('noor@example.com')
  await signUp('gone@example.com')
  await sql(`update postern."user" set disabled_at = now() where email = 'gone@example.com'`)

  const answers = [
    await login(password, 'nobody@example.com'),
    await login(password, 'noor@example.com'),
    await login(another, email),
    await login(password, 'gone@example.com')
  ]

  for (const { status, problem, headers } of answers) {
    t.equal(status, 401)
    t.match(problem, { code: 'credentials-rejected' })
    t.equal(headers.get('www-authenticate'), 'Postern-Password')
    t.strictSame(Object.keys(problem), Object.keys(answers[0]?.problem))
  }
  const rows = await events('sign_in_by_password')
  t.strictSame(
    rows.map(({ outcome, user_id }) => [outcome, user_id !== null]),
    [
      ['no_account', false],
      ['no_password', true],
      ['wrong_password', true],
      ['disabled', true]
    ]
  )
  t.equal((await api.loginWithPassword({ email, password })).status, 200)
  t.match((await events('sign_in_by_password')).at(-1), { outcome: 'signed_in' })
})

t.test('of many who log in at once each is judged by their own password', async (t) => {
  const { api, signUp, login, sql } = await startWithPasswords(t, { HASH_THREADS: '1' })
  const members = Array.from({ length: 6 }, (_value, index) => `member-${index}@example.com`)
  for (const [index, member] of members.entries()) await signUp(member, `${password} ${index}`)
  const attempts = members.flatMap((member, index) => [
    { to: member, given: `${password} ${index}`, wanted: member },
    { to: member, given: `${password} ${(index + 1) % members.length}`, wanted: undefined },
    { to: `nobody-${index}@example.com`, given: `${password} ${index}`, wanted: undefined }
  ])

  const answers = await Promise.all(attempts.map(({ to, given }) => login(given, to)))

  t.strictSame(
    answers.map(({ body }) => body?.user?.email),
    attempts.map(({ wanted }) => wanted)
  )
  const charged = await sql(`
    select round(b.password_level + coalesce(sum((pool.value ->> 0)::float8), 0)) as level
    from postern.address_budget as b left join jsonb_each(b.pools) as pool on pool.key like 'password:%' group by b.key, b.password_level`)
  t.strictSame(
    charged.map(({ level }) => level),
    Array.from({ length: 2 * members.length }, () => 1),
    'each address for its own wrong one'
  )
  const [mine, others] = answers.filter(({ status }) => status === 200)
  const next = await api.refreshSession({ refresh_token: mine?.body.refresh_token })
  t.equal(next.body.session.id, mine?.body.session.id)
  const sent = { email: members[1] ?? '', password: `${password} 1`, device_token: others?.body.device_token }
  const devices = async (bearer: string) => (await api.listDevices({ bearer })).body.devices.length
  const before = await devices(others?.body.access_token)
  const again = await api.loginWithPassword(sent)
  t.equal(await devices(again.body.access_token), before, 'the device is known again')
})

t.test('an address in any spelling finds its account', async (t) => {
  const { signUp, login } = await startWithPasswords(t)
  await signUp('Maya@Example.com')

  t.equal((await login(password, ' mAYA@EXAMPLE.COM ')).status, 200)
})

t.test(
  'with the bearer of the same account the session is renewed, with that of another a new one is opened',
  async (t) => {
    const { api, signUp, signIn, login, sql } = await startWithPasswords(t)
    const { body: session } = await signUp()
    const { body: stranger } = await signIn('noor@example.com')
    await sql(`update postern.session set authenticated_at = authenticated_at - interval '1 hour'`)

    const renewed = await api.loginWithPassword({ email, password }, { bearer: session.access_token })
    const opened = await api.loginWithPassword({ email, password }, { bearer: stranger.access_token })
    const expired = await api.loginWithPassword({ email, password }, { bearer: 'x' })

    t.equal(renewed.body.session.id, session.session.id)
    t.equal(renewed.body.refresh_token, undefined)
    t.strictSame(renewed.body.session.amr, ['pwd', 'otp'])
    t.ok(Date.parse(renewed.body.session.authenticated_at) > Date.now() - 60_000)
    for (const { body } of [opened, expired]) {
      t.not(body.session.id, session.session.id)
      t.strictSame(body.session.amr, ['pwd'])
      t.ok(body.refresh_token)
    }
    t.equal((await login()).status, 200)
  }
)

t.test('64 emoji are a password, and composed and decomposed letters are the same', async (t) => {
  const { signUp, login } = await startWithPasswords(t)
  const emoji = Array.from({ length: 64 }, (_, index) => String.fromCodePoint(0x1f600 + index)).join('')
  const umlauts = 'zwölf müde Bären träumen'
  await signUp(email, emoji)
  await signUp('noor@example.com', umlauts.normalize('NFD'))

  t.equal((await login(emoji)).status, 200)
  t.equal((await login(emoji.slice(0, -2))).status, 401)
  for (const form of ['NFC', 'NFD']) t.equal((await login(umlauts.normalize(form), 'noor@example.com')).status, 200)

  const stacked = String.fromCodePoint(0x1f82, 0x1f83, 0x1f84, 0x1f85, 0x1f86, 0x1f87).repeat(56) // 1,008 bytes, of four signs each
  await signUp('ines@example.com', stacked.normalize('NFD'))
  for (const form of ['NFC', 'NFD']) t.equal((await login(stacked.normalize(form), 'ines@example.com')).status, 200)
})

t.test('passwords that differ only behind byte 72 do not log each other in', async (t) => {
  const { signUp, login } = await startWithPasswords(t)
  const start = 'ein langer Satz, der nicht aufhört, '.repeat(3)
  await signUp(email, `${start}a`)

  t.equal((await login(`${start}b`)).status, 401)
  t.equal((await login(`${start}a`)).status, 200)
})

t.test('what cannot be a password or an address is refused before anything is asked', async (t) => {
  const { api, events } = await startWithPasswords(t)
  const bodies = [
    { email },
    { password },
    { email, password: '' },
    { email, password: 7 },
    { email, password: 'x'.repeat(2049) },
    { email, password: 'a\u0000b' },
    { email: 'maya', password },
    { email, password, code: 'x' },
    `{"email":"${email}","password":"\\ud800"}`
  ]

  for (const body of bodies) {
    const answer = await api.loginWithPassword(malformed(body))
    t.match(answer.problem, { status: 400, code: 'invalid-request' }, JSON.stringify(body).slice(0, 60))
  }

  t.strictSame(await events('sign_in_by_password'), [])
})

t.test('a login beyond the limit of sessions ends the one used longest ago', async (t) => {
  const { login, signUp, isLive } = await startWithPasswords(t, { SESSIONS_PER_USER: '2' })
  const first = await signUp()
  const second = await login()

  const third = await login()

  t.strictSame(await Promise.all([first, second, third].map((one) => isLive(one))), [false, true, true])
})
