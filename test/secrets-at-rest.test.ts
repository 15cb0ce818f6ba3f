import t from 'tap'
import { people, reviewCode, runAllFlows } from './all-flows.ts'
import { until } from './helper.ts'
import { dumpDatabase } from './known-secrets.ts'

t.test('the database holds no secret, in whatever spelling', async (t) => {
  const { secrets, databaseUrl, codeOf, api, met, sql, pepper, signIn } = await runAllFlows(t)
  await until(async () => (await sql("select from postern.mail where state = 'refused'")).length >= 4)

  const dump = await dumpDatabase(databaseUrl)

  t.strictSame(secrets.foundIn(dump), [])
  for (const kind of ['dev_ token', 'seed of a dev_ token', 'rst_ token', 'pepper', 'peppered password', 'fixed code'])
    t.ok(secrets.kinds.includes(kind), `looked for: ${kind}`)
  t.ok(secrets.size > 500, `${secrets.size} spellings of secrets were looked for`)
  for (const known of [
    people.maya,
    people.quoted,
    'refresh_token_reused',
    'postern.kysely_migration',
    'pg_catalog.pg_statistic'
  ])
    t.ok(dump.includes(known), `the dump is complete: ${known}`)
  const { device_token } = (await met(signIn(people.maya))).body
  const seed = Buffer.from(device_token.slice(4), 'base64url').subarray(-32, -16)
  await sql(`update postern.address_budget set lanes = '{}'`)
  const { challenge } = (await met(api.requestOtp({ email: people.maya }))).body
  const planted = [codeOf(challenge), pepper, reviewCode, seed.toString('hex')].join()
  await sql('update postern."user" set external_id = $1 where email = $2', [planted, people.maya])
  t.strictSame(
    secrets.foundIn(await dumpDatabase(databaseUrl)).sort(),
    ['code', 'fixed code', 'pepper', 'seed of a dev_ token'],
    'what is there would be found'
  )
})

t.test(
  'the log holds no secret and no full address at its finest level, and the events no address at all',
  async (t) => {
    const { secrets, logs, databaseUrl, sql } = await runAllFlows(t)
    await until(() => logs().split('mail refused').length > 4)

    const log = logs()

    t.strictSame(secrets.foundIn(log), [])
    for (const address of Object.values(people)) t.notOk(log.toLowerCase().includes(address), address)
    t.notOk(log.includes(new URL(databaseUrl).password))
    for (const known of [
      'unexpected error',
      '"status":500',
      'mail sent',
      'mail refused',
      '•••@example.com',
      '/v1/otp/verify'
    ])
      t.ok(log.includes(known), `the log is complete: ${known}`)
    const events = await sql('select e::text as line from postern.event as e')
    t.ok(events.length > 20)
    t.notOk(
      events.some(({ line }) => /@/.test(line as string)),
      'an event names an address by its MAC only'
    )
  }
)
