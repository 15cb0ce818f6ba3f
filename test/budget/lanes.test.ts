import t from 'tap'
import { start } from '../helper.ts'

const email = 'maya@example.com'
const HOUR = 3600

/** A world behind a proxy, in which requests come from any network, and lanes can be left alone for a time. */
async function behindProxy(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, { TRUSTED_PROXIES: '127.0.0.0/8', ...settings })
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const ask = (address: string, to = email, more = {}) => world.api.requestOtp({ email: to, ...more }, from(address))
  const rest = (seconds: number) =>
    world.sql(
      `update postern.address_budget set lanes = coalesce(
         (select jsonb_object_agg(key, value::float8 - $1) from jsonb_each(lanes)), '{}')`,
      [seconds]
    )
  const askOften = async (times: number, address: string, to = email) => {
    const statuses: number[] = []
    for (let round = 1; round <= times; round++) statuses.push((await ask(address, to)).status)
    return statuses
  }
  return { ...world, ask, askOften, rest, from }
}

const ok = (times: number): number[] => Array(times).fill(202)

t.test('one network has five mails of an address, and then one every twelve minutes', async (t) => {
  const { askOften, ask, rest, sql } = await behindProxy(t)

  t.same(await askOften(6, '203.0.113.7'), [...ok(5), 429])
  const refused = await ask('203.0.113.99')
  const wait = Number(refused.headers.get('retry-after'))

  t.match(refused.problem, { code: 'too-many-requests' })
  t.ok(wait > 700 && wait <= 720, `${wait} s`)
  await rest(wait - 5)
  t.equal((await ask('203.0.113.7')).status, 429)
  await rest(5)
  t.equal((await ask('203.0.113.7')).status, 202)
  t.match(await sql('select count(*)::int from postern.mail'), [{ count: 6 }], 'no answer of 202 without a mail')
})

t.test(
  'a lane is never closed for longer than its period, even if the clock of the database once ran a day ahead',
  async (t) => {
    const { ask, rest } = await behindProxy(t)
    await ask('203.0.113.7')
    await rest(-24 * HOUR)

    const known = await ask('203.0.113.7')
    const wait = Number(known.headers.get('retry-after'))
    await rest(wait)

    t.equal(known.status, 429)
    t.ok(wait > 0 && wait <= (24 * HOUR) / 15, `${wait} s`)
    t.equal((await ask('198.51.100.1')).status, 202)
  }
)

t.test('lanes that are empty again leave the row, or each network that ever asked would stay in it', async (t) => {
  const { ask, rest, sql } = await behindProxy(t)
  await ask('203.0.113.7')
  await rest(24 * HOUR)

  await ask('198.51.100.1')

  t.strictSame(await sql('select jsonb_object_keys(lanes) as lane from postern.address_budget order by lane'), [
    { lane: 'code:day' },
    { lane: 'code:hour' },
    { lane: 'code:network:198.51.100.0/24' }
  ])
})

t.test('a day without mails is no credit for the next', async (t) => {
  const { ask, askOften, rest } = await behindProxy(t)
  await ask('203.0.113.7')
  await rest(24 * HOUR)

  t.same(await askOften(8, '203.0.113.7'), [...ok(5), 429, 429, 429])
})

t.test('all strangers together have six mails an hour and fifteen a day', async (t) => {
  const { ask, rest, sql } = await behindProxy(t, { CODE_STRENGTHEN_AT: '1000' })
  let network = 0
  const strangers = async (times: number) => {
    const statuses: number[] = []
    for (let round = 1; round <= times; round++) statuses.push((await ask(`198.51.${network++}.1`)).status)
    return statuses
  }

  t.same(await strangers(7), [...ok(6), 429])
  await rest(HOUR)
  t.same(await strangers(7), [...ok(6), 429])
  await rest(HOUR)
  t.same(await strangers(4), ok(4), 'the day has let one through meanwhile')
  const refused = await ask('198.51.99.1')
  t.equal(refused.status, 429)
  const wait = Number(refused.headers.get('retry-after'))
  await rest(wait)
  t.equal((await ask('198.51.100.1')).status, 202)
  const [charged] = await sql('select sum(charged)::int / 3 as charged, count(*)::int as made from postern.challenge')
  t.equal(charged?.charged, charged?.made, 'what was refused cost nothing')
})

t.test('lanes are the same for an address with an account and one without', async (t) => {
  const { askOften, signIn, sql } = await behindProxy(t)
  await signIn(email)
  await sql("update postern.address_budget set lanes = '{}', pools = '{}', code_level = 0")

  const known = await askOften(8, '203.0.113.7')
  const unknown = await askOften(8, '203.0.113.7', 'nobody@example.com')

  t.same(known, unknown)
})

t.test('200 spellings of an address share its lanes', async (t) => {
  const { api, sql } = await behindProxy(t)
  const local = 'maya'
  const domains = [
    'bücher.example',
    'BÜCHER.example',
    'xn--bcher-kva.example',
    'bu\u0308cher.example',
    'ｂücher.example'
  ]
  const spellings = Array.from({ length: 200 }, (_, at) => {
    const cased = [...local].map((letter, place) => ((at >> place) & 1 ? letter.toUpperCase() : letter)).join('')
    return `${at % 3 ? ' ' : ''}${cased}@${domains[at % domains.length]}`
  })

  const answers = await Promise.all(spellings.map((spelling) => api.requestOtp({ email: spelling })))

  t.equal(answers.filter(({ status }) => status === 202).length, 5)
  t.equal(answers.filter(({ status }) => status === 429).length, 195)
  t.match(await sql('select count(*)::int from postern.address_budget'), [{ count: 1 }])
})

t.test('a network that signed in before is not stopped by strangers, nor do they see its codes', async (t) => {
  const { ask, from, api, codeOf, sql, emptyLanes } = await behindProxy(t)
  const home = '192.0.2.1'
  const { challenge } = (await ask(home)).body
  await api.verifyOtp({ challenge, code: codeOf(challenge) }, from(home))
  await emptyLanes()
  for (let network = 0; network < 6; network++) await ask(`198.51.${network}.1`)
  t.equal((await ask('198.51.77.1')).status, 429)

  const owner = await ask('192.0.2.200')

  t.equal(owner.status, 202)
  t.equal(owner.body.code_length, 6, 'though strangers get longer ones by now')
  t.match(await sql(`select code_level::int as level from postern.address_budget`), [{ level: 18 }])
  await sql(`update postern.known_network set signed_in_at = now() - interval '91 days'`)
  t.equal((await ask('192.0.2.1')).status, 429, 'after ninety days it is a stranger again')
})

t.test('the codes of a known network do not lengthen those of strangers', async (t) => {
  const { ask, from, api, codeOf } = await behindProxy(t)
  const home = '192.0.2.1'
  const { challenge } = (await ask(home)).body
  await api.verifyOtp({ challenge, code: codeOf(challenge) }, from(home))

  const lengths = []
  for (let round = 1; round <= 4; round++) lengths.push((await ask(home)).body.code_length)

  t.same(lengths, [6, 6, 6, 6], 'three of its own, and the fourth as a stranger')
  t.equal((await ask('198.51.100.1')).body.code_length, 6)
})
