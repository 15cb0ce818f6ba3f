import t from 'tap'
import { start, wrongCode } from '../helper.ts'

const email = 'maya@example.com'

/** Somebody who has signed in, and whose network is forgotten, so that only the device is known. */
async function signedIn(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, settings)
  const { body } = await world.signIn(email)
  const forgetNetworks = () => world.sql('delete from postern.known_network')
  await forgetNetworks()
  /** Uses up what strangers may ask for. */
  const strangersAsk = async () => {
    await world.sql(`update postern.address_budget set code_level = 30, code_level_at = now(), lanes = (
      select jsonb_build_object('code:hour', e + 3600, 'code:day', e + 86400, 'code:network:127.0.0.0/24', e + 3600)
      from extract(epoch from now()) as e)`)
  }
  const ask = (device_token?: string, to = email) =>
    world.api.requestOtp({ email: to, ...(device_token && { device_token }) })
  return { ...world, session: body, forgetNetworks, strangersAsk, ask }
}

t.test('a device that signed in before is neither stopped by strangers nor given their long codes', async (t) => {
  const { session, strangersAsk, ask, api, codeOf } = await signedIn(t)
  await strangersAsk()

  t.equal((await ask()).status, 429)
  const { status, body } = await ask(session.device_token)

  t.equal(status, 202)
  t.equal(body.code_length, 6)
  const again = await api.verifyOtp({ challenge: body.challenge, code: codeOf(body.challenge) })
  t.equal(again.status, 200)
  t.match(again.body.device_token, /^dev_/)
  const { body: listed } = await api.listDevices({ bearer: again.body.access_token })
  t.equal(listed.devices.length, 1, 'it is the same device')
})

t.test('the list says which device is the one that asks', async (t) => {
  const { session, ask, api, codeOf } = await signedIn(t)
  const { challenge } = (await ask()).body
  const elsewhere = (await api.verifyOtp({ challenge, code: codeOf(challenge) })).body
  const marks = async (bearer: string) => {
    const { devices } = (await api.listDevices({ bearer })).body as { devices: { id: string; current: boolean }[] }
    return new Map(devices.map(({ id, current }) => [id, current]))
  }

  const [here, there] = [await marks(session.access_token), await marks(elsewhere.access_token)]

  t.strictSame([...here.values()].sort(), [false, true])
  t.strictSame(there, new Map([...here].map(([id, current]) => [id, !current])))
})

t.test('its newest token and the one before it name a device, no other does', async (t) => {
  const { session, strangersAsk, ask, api, codeOf, emptyLanes } = await signedIn(t)
  const tokens = [session.device_token]
  for (let round = 1; round <= 2; round++) {
    await emptyLanes()
    const { challenge } = (await ask(tokens.at(-1))).body
    tokens.push((await api.verifyOtp({ challenge, code: codeOf(challenge) })).body.device_token)
  }
  await strangersAsk()

  const statuses = []
  for (const token of tokens) statuses.push((await ask(token)).status)

  t.same(statuses, [429, 202, 202])
})

t.test('a device whose replies are lost, however many, stays what it is', async (t) => {
  const { session, strangersAsk, ask, api, codeOf, emptyLanes, sql } = await signedIn(t)
  await api.changePassword({ password: 'sieben Zwetschgen im Korb' }, { bearer: session.access_token })
  const held = session.device_token
  const byCode = async (token: string) => {
    const { challenge } = (await ask(token)).body
    return (await api.verifyOtp({ challenge, code: codeOf(challenge) })).body.device_token
  }
  const byPassword = async (token: string) => {
    const answer = await api.loginWithPassword({ email, password: 'sieben Zwetschgen im Korb', device_token: token })
    return answer.body.device_token
  }
  const lost: string[] = []

  for (const signIn of [byPassword, byPassword, byPassword, byCode, byCode]) {
    await emptyLanes()
    lost.push(await signIn(held))
  }
  const { length: devices } = await sql('select 1 from postern.device')
  await strangersAsk()
  const statuses = []
  for (const token of [held, ...lost]) statuses.push((await ask(token)).status)

  t.equal(devices, 1)
  t.same(statuses, [202, 429, 429, 429, 202, 202], 'what it holds, and the last two it was sent')
  await sql(`update postern.address_budget set lanes = '{}', pools = '{}'`) // as when those codes have run out
  const arrived = await byCode(lost.at(-1) as string)
  await strangersAsk()
  t.same(
    [(await ask(held)).status, (await ask(arrived)).status],
    [429, 202],
    'a token that arrived takes the place of the old one'
  )
})

t.test('a device is known to its own account only, and a token that was tampered with to none', async (t) => {
  const { session, strangersAsk, ask, signIn, sql } = await signedIn(t)
  await signIn('noor@example.com')
  await sql('delete from postern.known_network')
  await strangersAsk()

  t.equal((await ask(session.device_token, 'noor@example.com')).status, 429)
  t.equal(
    (await ask(`${session.device_token.slice(0, -1)}${session.device_token.endsWith('A') ? 'B' : 'A'}`)).status,
    429
  )
  t.equal((await ask('anything at all')).status, 429)
})

t.test('a device that fails again and again becomes a stranger', async (t) => {
  const { session, ask, api, codeOf, emptyLanes, sql } = await signedIn(t)
  for (let round = 1; round <= 3; round++) {
    await emptyLanes()
    const { challenge } = (await ask(session.device_token)).body
    for (let guess = 1; guess <= 3; guess++) await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  }
  await emptyLanes()
  await sql('update postern.address_budget set code_level = 30, code_level_at = now()')

  t.equal((await ask(session.device_token)).body.code_length, 13)
})

t.test(
  'a device has its five mails an hour also when nobody answers them, and leaves the strangers theirs',
  async (t) => {
    const { session, ask, sql, emptyLanes } = await signedIn(t)
    await emptyLanes()

    const asked = []
    for (let request = 1; request <= 6; request++) asked.push(await ask(session.device_token))
    const lanes = await sql<{ lane: string }>('select jsonb_object_keys(lanes) as lane from postern.address_budget')

    t.same(
      asked.map(({ status }) => status),
      [202, 202, 202, 202, 202, 429]
    )
    t.same(
      lanes.map(({ lane }) => lane.replace(/:[\da-f-]{36}$/, '')),
      ['code:device']
    )
    t.equal((await ask()).status, 202, 'a stranger is none of its business')
  }
)

t.test('devices are listed, and forgotten one by one, by their owner only', async (t) => {
  const { session, signIn, api, strangersAsk, ask, sql } = await signedIn(t)
  const { body: other } = await signIn('noor@example.com')
  const { body: second } = await signIn(email)
  const bearer = second.access_token
  const { devices } = (await api.listDevices({ bearer })).body

  t.equal(devices.length, 2)
  t.match(devices[0], {
    network: '127.0.0.0/24',
    agent: String,
    created_at: String,
    last_used_at: String,
    expires_at: String
  })
  t.equal((await api.forgetDevice({ bearer: other.access_token, id: devices[1].id })).status, 404)
  t.equal((await api.forgetDevice({ bearer, id: devices[1].id })).status, 204)
  t.equal((await api.forgetDevice({ bearer, id: devices[1].id })).status, 404)
  await sql('update postern.device set expires_at = now() where id = $1', [devices[0].id])
  t.equal((await api.forgetDevice({ bearer, id: devices[0].id })).status, 404, 'one whose time is over is none')
  await sql(`update postern.device set expires_at = now() + interval '1 day' where id = $1`, [devices[0].id])
  t.equal((await api.listDevices({ bearer })).body.devices.length, 1)
  await strangersAsk()
  t.equal((await ask(session.device_token)).status, 429, 'its token is worth nothing any more')
  t.equal((await api.getSession({ bearer: session.access_token })).status, 200, 'and its session goes on')
})

t.test('an account has ten devices at the most, the ones used last', async (t) => {
  const { session, signIn, api, ask, codeOf } = await signedIn(t)
  const list = async () => (await api.listDevices({ bearer: session.access_token })).body.devices as { id: string }[]
  const oldest = (await list())[0]?.id
  for (let round = 1; round <= 9; round++) await signIn(email)
  const { challenge } = (await ask(session.device_token)).body
  await api.verifyOtp({ challenge, code: codeOf(challenge) })
  for (let round = 1; round <= 3; round++) await signIn(email)

  const devices = await list()

  t.equal(devices.length, 10)
  t.ok(
    devices.some(({ id }) => id === oldest),
    'the first of all was used since'
  )
})

t.test('so does a repeat where the device that asked was forgotten meanwhile', async (t) => {
  const { session, ask, api, codeOf } = await signedIn(t)
  const bearer = session.access_token
  const { challenge } = (await ask(session.device_token)).body
  const [{ id }] = (await api.listDevices({ bearer })).body.devices
  await api.forgetDevice({ bearer, id })
  const guess = { challenge, code: codeOf(challenge) }
  const headers = { 'idempotency-key': crypto.randomUUID() }

  const [first, again] = [await api.verifyOtp(guess, { headers }), await api.verifyOtp(guess, { headers })]

  t.equal(again.body.device_token, first.body.device_token)
})

t.test('a repeat with the same Idempotency-Key answers the same device', async (t) => {
  const { api, codeOf, ask, strangersAsk, forgetNetworks, emptyLanes } = await signedIn(t)
  await emptyLanes()
  const { challenge } = (await ask()).body
  const options = { headers: { 'idempotency-key': crypto.randomUUID() } }

  const first = await api.verifyOtp({ challenge, code: codeOf(challenge) }, options)
  const second = await api.verifyOtp({ challenge, code: codeOf(challenge) }, options)

  t.equal(second.body.device_token, first.body.device_token)
  await forgetNetworks()
  await strangersAsk()
  t.equal((await ask(second.body.device_token)).status, 202)
})

t.test('of more devices than are kept the one just used stays, and a network in use stays known', async (t) => {
  const { api, signIn, sql } = await start(t)
  for (let round = 1; round <= 10; round++) await signIn('maya@example.com')
  await sql(`update postern.known_network set signed_in_at = now() - interval '2 days'`)

  const { body } = await signIn('maya@example.com')

  const [newest] = await sql<{ id: string }>('select device_id as id from postern.session where id = $1', [
    body.session.id
  ])
  const { devices } = (await api.listDevices({ bearer: body.access_token })).body
  t.ok(devices.some(({ id }: { id: string }) => id === newest?.id))
  t.equal((await sql(`select from postern.known_network where signed_in_at > now() - interval '1 hour'`)).length, 1)
})
