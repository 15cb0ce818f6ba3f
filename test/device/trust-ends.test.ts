import t, { type Test } from 'tap'
import { administerUser } from '../../src/cli/users.ts'
import { inProcess } from '../cli/in-process.ts'
import { email, another as otherPassword, password, startWithPasswords } from '../password/with-password.ts'

/** Somebody with a password, whose account another device and another network are trusted for. */
async function startTrusted(t: Test) {
  const world = await startWithPasswords(t)
  const { sql } = world
  await world.signUp()
  const thief = (await world.login()).body
  await sql(
    `insert into postern.known_network (email_key, network, signed_in_at) values ($1, '198.51.100.0/24', now())`,
    [email]
  )
  await world.signIn('noor@example.com')
  const trusted = async (whose: string = email) => ({
    devices: (await sql('select 1 from postern.device where email_key = $1', [whose])).length,
    networks: (await sql('select 1 from postern.known_network where email_key = $1', [whose])).length
  })
  /** Whether a token still names a device: strangers' lanes are full. */
  const knows = async (device_token: string): Promise<boolean> => {
    await sql(`update postern.address_budget set lanes = (
      select jsonb_build_object('code:hour', e + 3600, 'code:day', e + 86400, 'code:network:127.0.0.0/24', e + 3600)
      from extract(epoch from now()) as e)`)
    await sql(`delete from postern.known_network where network = '127.0.0.0/24'`)
    const { status } = await world.api.requestOtp({ email, device_token })
    await world.emptyLanes()
    return status === 202
  }
  const changeFrom = ({ access_token }: { access_token: string }) =>
    world.api.changePassword({ current_password: password, password: otherPassword }, { bearer: access_token })
  return { ...world, thief, trusted, knows, changeFrom }
}

t.test('a reset ends the trust of all devices and networks but of the device that did it', async (t) => {
  const { api, askForLink, thief, trusted, knows } = await startTrusted(t)
  t.match(await trusted(), { devices: 2, networks: 2 })
  t.ok(await knows(thief.device_token))

  const { body } = await api.resetPassword({ token: await askForLink(), password: otherPassword })

  t.strictSame(await trusted(), { devices: 1, networks: 0 })
  t.notOk(await knows(thief.device_token))
  t.ok(await knows(body.device_token))
  t.strictSame((await trusted('noor@example.com')).devices, 1, 'nobody else is touched')
})

t.test('a change of the password ends the trust of all but of the device that did it', async (t) => {
  const { login, thief, trusted, knows, changeFrom } = await startTrusted(t)
  const mine = (await login()).body

  const { status } = await changeFrom(mine)

  t.equal(status, 200)
  t.strictSame(await trusted(), { devices: 1, networks: 0 })
  t.notOk(await knows(thief.device_token))
  t.ok(await knows(mine.device_token))
  t.strictSame((await trusted('noor@example.com')).devices, 1)
})

t.test('it stays trusted also where it has signed in again since, by code or by password', async (t) => {
  const { api, login, signIn, codeOf, emptyLanes, knows, changeFrom } = await startTrusted(t)
  const mine = (await login()).body
  const again = (await api.loginWithPassword({ email, password, device_token: mine.device_token })).body
  await emptyLanes()
  const { challenge } = (await api.requestOtp({ email, device_token: again.device_token })).body
  const last = (await api.verifyOtp({ challenge, code: codeOf(challenge) })).body
  await signIn(email)

  const { status } = await changeFrom(mine)

  t.equal(status, 200)
  t.ok(await knows(last.device_token))
})

t.test('of a session that was renewed on another device that one stays trusted, and not the one before', async (t) => {
  const { api, login, knows, changeFrom } = await startTrusted(t)
  const begun = (await login()).body
  const renewed = (await api.loginWithPassword({ email, password }, { bearer: begun.access_token })).body
  const last = (await api.loginWithPassword({ email, password, device_token: renewed.device_token })).body

  const { status } = await changeFrom(begun)

  t.equal(status, 200)
  t.ok(await knows(last.device_token))
  t.notOk(await knows(begun.device_token))
})

t.test('of a session of the release before, the device that signed in when it did stays trusted', async (t) => {
  const { login, sql, knows, changeFrom } = await startTrusted(t)
  const mine = (await login()).body
  await sql('update postern.session set device_id = null')

  const { status } = await changeFrom(mine)

  t.equal(status, 200)
  t.ok(await knows(mine.device_token))
})

t.test('a change that is refused, and a reset that is, leave trust as it is', async (t) => {
  const { api, login, askForLink, trusted } = await startTrusted(t)
  const bearer = (await login()).body.access_token
  const before = await trusted()

  await api.changePassword({ current_password: otherPassword, password: otherPassword }, { bearer })
  await api.resetPassword({ token: await askForLink(), password: 'short' })

  t.strictSame(await trusted(), before)
})

t.test(
  'the device that signed in before the session that changes the password is kept, and signs in anew',
  async (t) => {
    const { api, sql, thief, knows } = await startTrusted(t)
    const again = (await api.loginWithPassword({ email, password, device_token: thief.device_token })).body

    await api.changePassword({ current_password: password, password: otherPassword }, { bearer: again.access_token })

    t.ok(await knows(again.device_token))
    t.match(await sql('select count(*)::int from postern.device where email_key = $1', [email]), [{ count: 1 }])
  }
)

t.test('disabling an account ends all its trust', async (t) => {
  const { settings, databaseUrl, thief, trusted, knows } = await startTrusted(t)
  const own = { ...settings, DATABASE_URL: databaseUrl }

  const disabled = await inProcess(t, () => administerUser(own, 'disable', email))
  await inProcess(t, () => administerUser(own, 'enable', email))

  t.match(disabled, { code: 0 })
  t.strictSame(await trusted(), { devices: 0, networks: 0 })
  t.notOk(await knows(thief.device_token))
  t.strictSame((await trusted('noor@example.com')).devices, 1)
})

t.test('a password proves no mailbox: until it is proven nothing is trusted', async (t) => {
  const { signUp, signIn, login, isLive, sql, trusted } = await startTrusted(t)
  const unproven = 'unproven@example.com'
  await signUp(unproven)
  await sql('delete from postern.device where email_key = $1', [unproven])
  await sql('delete from postern.known_network where email_key = $1', [unproven])
  await sql(`update postern."user" set email_verified_at = null where email_key = $1`, [unproven])

  const planted = await login(password, unproven)
  const before = await trusted(unproven)
  const proven = await signIn(unproven)

  t.equal(planted.status, 200)
  t.strictSame(before, { devices: 0, networks: 0 })
  t.equal(proven.status, 200)
  t.notOk(await isLive(planted))
  t.strictSame(await trusted(unproven), { devices: 1, networks: 1 })
})

t.test('an account has twenty known networks at the most, the ones signed in from last', async (t) => {
  const { api, codeOf, thief, sql } = await startTrusted(t)
  await sql('delete from postern.known_network')
  await sql(
    `insert into postern.known_network (email_key, network, signed_in_at)
     select $1, ('198.51.' || n || '.0/24')::cidr, now() - n * interval '1 day' from generate_series(1, 25) as n`,
    [email]
  )

  const { challenge } = (await api.requestOtp({ email, device_token: thief.device_token })).body
  await api.verifyOtp({ challenge, code: codeOf(challenge) })

  const known = await sql<{ network: string }>(
    'select network::text from postern.known_network where email_key = $1 order by signed_in_at desc',
    [email]
  )
  const networks = known.map(({ network }) => network)
  t.equal(networks.length, 20)
  t.strictSame(networks.slice(0, 2), ['127.0.0.0/24', '198.51.1.0/24'])
  t.equal(networks.at(-1), '198.51.19.0/24')
})
