import t, { type Test } from 'tap'
import type { Answer } from '../contract-client.ts'
import type { Settings } from '../helper.ts'
import { another, email, password, startWithPasswords } from '../password/with-password.ts'

const TWO_DAYS = 172_800
const STRANGERS_CODE = 13

/** Somebody with a password, signed in, at whose address strangers have guessed so much that they get the longest codes. */
async function startGuessedAt(t: Test, settings: Settings = {}) {
  const world = await startWithPasswords(t, settings)
  const session = (await world.signUp()).body
  const ask = async (more: { device_token?: string } = {}): Promise<Answer> => {
    await world.sql(`update postern.address_budget set code_level = 30, code_level_at = now(), lanes = '{}'`)
    return await world.api.requestOtp({ email, ...more })
  }
  const devices = async (bearer: string = session.access_token) =>
    (await world.api.listDevices({ bearer })).body.devices
  /** For how many seconds from its last sign-in each device is trusted. */
  const lives = async (bearer?: string): Promise<number[]> =>
    (await devices(bearer)).map((device: { expires_at: string; last_used_at: string }) =>
      Math.round((Date.parse(device.expires_at) - Date.parse(device.last_used_at)) / 1000)
    )
  return { ...world, session, ask, devices, lives }
}

t.test('a device whose time is up is a stranger, and there is nothing left to forget', async (t) => {
  const { api, sql, session, ask, devices } = await startGuessedAt(t)
  const [{ id }] = await devices()
  await sql('delete from postern.known_network')
  await sql(`update postern.device set expires_at = now() + interval '1 minute'`)
  const before = await ask({ device_token: session.device_token })

  await sql('update postern.device set expires_at = now()')
  const after = await ask({ device_token: session.device_token })

  t.equal(before.body.code_length, 6)
  t.equal(after.body.code_length, STRANGERS_CODE)
  t.equal((await api.forgetDevice({ bearer: session.access_token, id })).status, 404)
})

t.test('a device whose time is up before its code is typed begins anew, and its old token is nothing', async (t) => {
  const { api, sql, codeOf, session, ask } = await startGuessedAt(t)
  const { challenge } = (await ask({ device_token: session.device_token })).body
  await sql('update postern.device set expires_at = now()')

  const { device_token } = (await api.verifyOtp({ challenge, code: codeOf(challenge) })).body
  await sql('delete from postern.known_network')

  t.equal((await ask({ device_token: session.device_token })).body.code_length, STRANGERS_CODE)
  t.equal((await ask({ device_token })).body.code_length, 6)
})

t.test('a network is known for 90 days from a sign-in', async (t) => {
  const { sql, signIn, ask } = await startGuessedAt(t)
  await signIn(email)
  const askAfter = async (days: number): Promise<number> => {
    await sql(`update postern.known_network set signed_in_at = now() - $1 * interval '1 day'`, [days])
    return (await ask()).body.code_length
  }

  t.equal(await askAfter(89), 6)
  t.equal(await askAfter(91), STRANGERS_CODE)
})

t.test('a network in use is written once a day', async (t) => {
  const { sql, signIn } = await startGuessedAt(t)
  await signIn(email)
  const hoursAfterSignIn = async (hours: number) => {
    await sql(`update postern.known_network set signed_in_at = now() - $1 * interval '1 hour'`, [hours])
    await signIn(email)
    const [network] = await sql<{ hours: number }>(
      `select round(extract(epoch from now() - signed_in_at) / 3600)::int as hours from postern.known_network`
    )
    return network?.hours
  }

  t.strictSame([await hoursAfterSignIn(23), await hoursAfterSignIn(25)], [23, 0])
})

t.test('a device is trusted for DEVICE_TTL, by code, by password or by link', async (t) => {
  const { api, login, askForLink, lives } = await startGuessedAt(t, { DEVICE_TTL: `${TWO_DAYS}` })

  const byCode = await lives()
  await login()
  const byPassword = await lives()
  await api.resetPassword({ token: await askForLink(), password: another })
  const byLink = await lives((await login(another)).body.access_token)

  t.strictSame(byCode, [TWO_DAYS])
  t.strictSame(byPassword, [TWO_DAYS, TWO_DAYS])
  t.strictSame(byLink, [TWO_DAYS, TWO_DAYS], 'the one that used the link, and the one that then signed in')
})

for (const way of ['code', 'password'])
  t.test(`each sign-in by ${way} begins a device's time anew, and tells with what it was`, async (t) => {
    const { api, sql, session, ask, codeOf, lives, devices } = await startGuessedAt(t, { DEVICE_TTL: `${TWO_DAYS}` })
    const { device_token } = session
    const headers = { 'user-agent': 'Phone/2' }
    await sql(
      `update postern.device set expires_at = now() + interval '1 hour', client_agent = 'Phone/1', client_network = null`
    )

    if (way === 'password') await api.loginWithPassword({ email, password, device_token }, { headers })
    else {
      const { challenge } = (await ask({ device_token })).body
      await api.verifyOtp({ challenge, code: codeOf(challenge) }, { headers })
    }

    t.strictSame(await lives(), [TWO_DAYS])
    t.match(await devices(), [{ agent: 'Phone/2', network: '127.0.0.0/24' }])
  })

t.test('a device that used a link is shown with its network and what it was', async (t) => {
  const { api, login, askForLink, devices } = await startGuessedAt(t)

  await api.resetPassword({ token: await askForLink(), password: another }, { headers: { 'user-agent': 'Phone/3' } })

  const shown = await devices((await login(another)).body.access_token)
  t.match(
    shown.find(({ agent }: { agent: string }) => agent === 'Phone/3'),
    { network: '127.0.0.0/24' }
  )
})

t.test('devices are listed by their last sign-in, the latest first', async (t) => {
  const { api, signIn, devices } = await startGuessedAt(t)
  const tokens: string[] = []
  for (const agent of ['Phone/1', 'Phone/2', 'Phone/3']) {
    const headers = { 'user-agent': agent }
    tokens.push((await api.loginWithPassword({ email, password }, { headers })).body.device_token)
  }
  await signIn('noor@example.com')

  const again = { email, password, device_token: tokens[1] as string }
  await api.loginWithPassword(again, { headers: { 'user-agent': 'Phone/2' } })

  const agents = (await devices()).map(({ agent }: { agent: string }) => agent)
  t.strictSame(agents.slice(0, 3), ['Phone/2', 'Phone/3', 'Phone/1'])
})
