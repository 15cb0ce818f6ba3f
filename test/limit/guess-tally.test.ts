import t from 'tap'
import { DAY, milliseconds } from '../../src/lib/time.ts'
import { GuessTally } from '../../src/limit/guess-tally.ts'
import { start, until } from '../helper.ts'

const email = 'maya@example.com'

/** A world in which the installation's hours are written by hand. */
async function counted(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, settings)
  const { sql } = world
  const hour = (ago: number, wrongShort: number, completed = 0) =>
    sql(
      `insert into postern.installation_tally (hour, wrong_short, completed)
       values (date_trunc('hour', now(), 'UTC') - $1 * interval '1 hour', $2, $3)`,
      [ago, wrongShort, completed]
    )
  const totals = async () =>
    (
      await sql(
        'select sum(wrong_short)::int as wrong, sum(completed)::int as completed from postern.installation_tally'
      )
    )[0]
  return { ...world, hour, totals }
}

t.test('a thousand wrong guesses in a day lengthen the codes of strangers everywhere, for a day', async (t) => {
  const { api, ctx, log, hour, another, signIn, codeOf, wrongCode, sql, emptyLanes } = await counted(t)
  const { device_token } = (await signIn(email)).body
  await sql('delete from postern.known_network')
  await hour(23, 999)
  const second = await another()
  const before = (await second.api.requestOtp({ email: 'noor@example.com' })).body

  await second.api.verifyOtp({ challenge: before.challenge, code: wrongCode(codeOf(before.challenge)) })
  const there = (await second.api.requestOtp({ email: 'ada@example.com' })).body
  await until(() => ctx.guesses.strained)
  const here = (await api.requestOtp({ email: 'lin@example.com' })).body
  await emptyLanes()
  const trusted = (await api.requestOtp({ email, device_token })).body

  t.same([before.code_length, there.code_length, here.code_length, trusted.code_length], [6, 8, 8, 6])
  t.equal(log.filter((line) => line.includes('unknown devices now get eight digits')).length, 1)
  await sql(`update postern.installation_tally set hour = hour - interval '2 hours'`)
  await until(() => !ctx.guesses.strained)
  t.equal((await api.requestOtp({ email: 'mo@example.com' })).body.code_length, 6)
  t.equal(log.filter((line) => line.includes('six-digit codes again')).length, 1)
})

t.test('where many sign in, one wrong guess to 200 right codes is nothing unusual', async (t) => {
  const { ctx, hour } = await counted(t)
  const tally = new GuessTally(ctx)
  await hour(1, 1000, 400_000)
  await hour(2, 999)

  await tally.sync()
  const usual = tally.strained
  tally.note(6, false)

  t.equal(usual, false)
  t.equal(tally.strained, true)
})

t.test('judged wrong guesses at six digits count, and codes that were right; nothing else does', async (t) => {
  const { api, askOften, codeOf, wrongCode, totals, stop } = await counted(t)
  const asked = await askOften(4, email) // at once: any of them may be the one of eight digits
  const [first = '', second = '', third = '', long = ''] = asked.sort((a, b) => codeOf(a).length - codeOf(b).length)
  const guess = (challenge: string) => api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  const options = { headers: { 'idempotency-key': crypto.randomUUID() } }

  for (let tries = 1; tries <= 5; tries++) await guess(first)
  await Promise.all([guess(second), guess(second)])
  await guess(long)
  await api.verifyOtp({ challenge: `${third.slice(0, -4)}AAAA`, code: '000000' })
  const right = { challenge: third, code: codeOf(third) }
  for (let times = 1; times <= 2; times++) t.equal((await api.verifyOtp(right, options)).status, 200)
  await stop()

  t.same(await totals(), { wrong: 5, completed: 1 })
})

t.test('right codes that let nobody in, and fixed ones, make no room for wrong guesses', async (t) => {
  const fixed = { email: 'review@example.com', code: '271828' }
  const tomorrow = new Date(Date.now() + milliseconds(DAY)).toISOString().slice(0, 10)
  const { api, codeOf, totals, signIn, stop } = await counted(t, {
    TEST_ADDRESSES: `${fixed.email}:${fixed.code}:${tomorrow}`
  })
  const { access_token: bearer } = (await signIn(email)).body
  const { challenge } = (await api.requestOtp({ email })).body
  await api.deleteMe({ bearer })

  for (let times = 1; times <= 3; times++)
    t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 401)
  const tested = (await api.requestOtp({ email: fixed.email })).body
  t.equal((await api.verifyOtp({ challenge: tested.challenge, code: fixed.code })).status, 200)
  await stop()

  t.same(await totals(), { wrong: 0, completed: 1 })
})

t.test('what is counted during the last exchange is handed over too', async (t) => {
  const { ctx, totals } = await counted(t)
  const tally = new GuessTally({ db: ctx.db, log: ctx.log })

  const under = tally.sync()
  for (let guess = 1; guess <= 5; guess++) tally.note(6, false)
  await tally.stop()
  await under

  t.same(await totals(), { wrong: 5, completed: 0 })
})

t.test(
  'what is counted during an outage is handed over after it, and the outage is told once, with its end',
  async (t) => {
    const { ctx, sql, totals } = await counted(t)
    const warnings: string[] = []
    const ends: string[] = []
    const tally = new GuessTally({
      db: ctx.db,
      log: { warn: (_: unknown, text: string) => warnings.push(text), info: (text: string) => ends.push(text) } as never
    })
    await sql('alter table postern.installation_tally rename to away')

    tally.note(6, false)
    await tally.sync()
    tally.note(6, true)
    await tally.sync()
    await sql('alter table postern.away rename to installation_tally')
    await tally.sync()
    await tally.sync()

    t.same(await totals(), { wrong: 1, completed: 1 })
    t.equal(warnings.length, 1)
    t.strictSame(ends, ['the count of wrong guesses is shared with the other instances again'])
  }
)

t.test('exchanges that fail count no guess twice', async (t) => {
  const { ctx, sql } = await start(t)
  const tally = new GuessTally({ db: ctx.db, log: ctx.log })
  await sql('alter table postern.installation_tally rename to away')
  for (let guess = 1; guess <= 200; guess++) tally.note(6, false)

  for (let times = 1; times <= 10; times++) await tally.sync()

  t.equal(tally.strained, false)
})
