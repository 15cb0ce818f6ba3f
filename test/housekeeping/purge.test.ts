import pg from 'pg'
import t from 'tap'
import { start } from '../helper.ts'
import { keeperOf, type Query } from './keeper.ts'

/** One row of each kind a time: just too old, and not yet. The expressions are how long ago it ended. */
const kinds: { table: string; old: string; young: string; insert: (ago: string) => string }[] = [
  {
    table: 'challenge',
    old: '49 hours',
    young: '47 hours',
    insert: (
      ago
    ) => `insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet,
      charged, tries_left, sends, sent_at, expires_at, settled_at, key_id)
      values (gen_random_uuid(), 'sign_in', 'a', 'a', '\\x01', 6, 'digits', 3, 3, 1, now(), now() - interval '${ago}', now(), 'x')`
  },
  {
    table: 'password_reset',
    old: '49 hours',
    young: '47 hours',
    insert: (ago) => `insert into postern.password_reset (id, email, email_key, budget_key, expires_at, key_id)
      values (gen_random_uuid(), 'a', 'a', '\\x01', now() - interval '${ago}', 'x')`
  },
  {
    table: 'mail',
    old: '401 days',
    young: '399 days',
    insert: (
      ago
    ) => `insert into postern.mail (id, kind, subject_id, valid_until, due_at, message_id, key_id, state, settled_at)
      values (gen_random_uuid(), 'code', gen_random_uuid(), now(), now(), 'x', 'x', 'sent', now() - interval '${ago}')`
  },
  {
    table: 'event',
    old: '401 days',
    young: '399 days',
    insert: (ago) => `insert into postern.event (id, at, kind, outcome)
      values (gen_random_uuid(), now() - interval '${ago}', 'sign_out', 'session_ended')`
  },
  {
    table: 'device',
    old: '1 second',
    young: '-1 hour',
    insert: (ago) => `insert into postern.device (id, email_key, seed_hash, expires_at, key_id)
      values (gen_random_uuid(), 'a', '\\x01', now() - interval '${ago}', 'x')`
  },
  {
    table: 'known_network',
    old: '91 days',
    young: '89 days',
    insert: (ago) => `insert into postern.known_network (email_key, network, signed_in_at)
      values (gen_random_uuid()::text, '192.0.2.0/24', now() - interval '${ago}')`
  },
  {
    table: 'signing_key',
    old: '25 hours',
    young: '23 hours',
    insert: (
      ago
    ) => `insert into postern.signing_key (kid, alg, public_jwk, sealed_private, key_id, activates_at, retires_at)
      values (gen_random_uuid()::text, 'ES256', '{}', '\\x01', 'x', now(), now() - interval '${ago}')`
  },
  {
    table: 'installation_tally',
    old: '8 days',
    young: '6 days',
    insert: (ago) => `insert into postern.installation_tally (hour, wrong_short)
      values (now() - interval '${ago}' - random() * interval '1 hour', 1)`
  }
]

const session = (expiresAgo: string, revokedAgo: string | null) => `
  insert into postern.session (id, user_id, credential_version, seed_hash, generation, parent_generation,
    grandparent_generation, rotated_at, authenticated_at, idle_expires_at, expires_at, revoked_at, last_used_at, amr, key_id)
  select gen_random_uuid(), id, 1, '\\x01', 1, 1, 1, now(), now(), now(), now() - interval '${expiresAgo}',
    ${revokedAgo === null ? 'null' : `now() - interval '${revokedAgo}'`}, now(), '{otp}', md5(random()::text)
  from postern."user"`

const count = async (sql: Query, table: string, where = 'true'): Promise<number> =>
  (await sql<{ n: number }>(`select count(*)::int as n from postern.${table} where ${where}`))[0]?.n ?? -1

t.test('rows past their time go and younger ones stay', async (t) => {
  const world = await start(t)
  const sizes = () => Promise.all(kinds.map(({ table }) => count(world.sql, table)))
  const before = await sizes()
  for (const { insert, old, young } of kinds) for (const ago of [old, old, old, young]) await world.sql(insert(ago))

  await (await keeperOf(world)).purge()

  t.strictSame(
    await sizes(),
    before.map((size) => size + 1),
    kinds.map(({ table }) => table).join(', ')
  )
})

t.test('sessions go a day after their end, and a month after they were ended', async (t) => {
  const world = await start(t)
  await world.signIn('maya@example.com')
  for (const [expired, revoked] of [
    ['25 hours', null],
    ['25 hours', '2 days'],
    ['-9 days', '31 days']
  ] as const)
    for (const _ of [1, 2]) await world.sql(session(expired, revoked))
  await world.sql(session('23 hours', null))
  await world.sql(session('-9 days', '29 days'))

  await (await keeperOf(world)).purge()

  t.equal(await count(world.sql, 'session'), 3, 'the two and the one that is open')
})

t.test('a mail forgets whom it went to after a week, and a dropped one never knew', async (t) => {
  const world = await start(t)
  const mail = (state: string, ago: string) =>
    world.sql(
      `insert into postern.mail (id, kind, subject_id, email_key, recipient, answer, valid_until, due_at, message_id, key_id, state, settled_at)
       values (gen_random_uuid(), $1, gen_random_uuid(), 'maya@example.com', 'Maya@example.com', '250 <maya@example.com> ok',
         now(), now(), 'x', 'x', $1, now() - $2::interval)`,
      [state, ago]
    )
  for (const state of ['sent', 'refused', 'expired']) await mail(state, '8 days')
  await mail('sent', '6 days')

  await (await keeperOf(world)).purge()
  const rows = await world.sql(
    'select kind, email_key, recipient, answer from postern.mail order by email_key nulls first, kind'
  )

  t.strictSame(rows, [
    ...['expired', 'refused', 'sent'].map((kind) => ({ kind, email_key: null, recipient: null, answer: null })),
    { kind: 'sent', email_key: 'maya@example.com', recipient: 'Maya@example.com', answer: '250 <maya@example.com> ok' }
  ])
})

t.test('a challenge stays until what it was charged is settled', async (t) => {
  const world = await start(t)
  await world.api.requestOtp({ email: 'maya@example.com' })
  await world.sql(`update postern.challenge set expires_at = now() - interval '3 days'`)
  const keeper = await keeperOf(world)

  await keeper.purge()
  const unsettled = await count(world.sql, 'challenge')
  await keeper.settle()
  await keeper.purge()

  t.equal(unsettled, 1)
  t.equal(await count(world.sql, 'challenge'), 0)
})

t.test('of addresses, those go about which nothing is left to say', async (t) => {
  const world = await start(t)
  const budget = (key: string, level: number, more = '', values = '') =>
    world.sql(
      `insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge${more})
       values (decode($1, 'hex'), $2, now() - interval '30 days', 6, 3${values})`,
      [key, level]
    )
  await budget('01', 9.9)
  await budget('02', 10.1)
  await budget('03', 0, ', password_level, password_level_at', ", 1, now() - interval '1 day'")
  await budget('04', 0, ', lanes', `, jsonb_build_object('code:day', extract(epoch from now()) + 60)`)
  await budget('05', 0, ', pools', `, jsonb_build_object('device:a', jsonb_build_array(1, extract(epoch from now())))`)
  await budget('06', 0, ', lanes, pools', `, '{"code:day": 5}', '{"device:a": [3, 5]}'`)
  await budget('07', 0)
  await world.sql(`update postern.address_budget set code_level_at = now() - interval '20 hours' where key = '\\x07'`)
  await world.sql(`insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge)
    select decode(lpad(to_hex(n), 8, '0'), 'hex'), 3, now() - interval '10 days', 6, 3 from generate_series(256, 1999) as n`)

  await (await keeperOf(world)).purge()
  const left = await world.sql<{ key: string }>(
    `select encode(key, 'hex') as key from postern.address_budget order by 1`
  )

  t.strictSame(
    left.map(({ key }) => key),
    ['02', '03', '04', '05', '07'],
    'and of one that is in daily use its row'
  )
})

t.test('of an address that stays, those devices and networks go that have nothing left to say', async (t) => {
  const world = await start(t)
  await world.sql(`insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge, pools)
    select '\\x01', 5, now(), 6, 3, jsonb_build_object('device:old', jsonb_build_array(9, e - 40 * 86400),
      'network:192.0.2.0/24', jsonb_build_array(1, e - 4 * 86400), 'device:new', jsonb_build_array(9, e))
    from extract(epoch from now()) as e`)

  await (await keeperOf(world)).purge()

  t.strictSame(await world.sql('select jsonb_object_keys(pools) as pool from postern.address_budget'), [
    { pool: 'device:new' }
  ])
})

t.test('an address that has nothing left to say goes with a later look, wherever the looks have come to', async (t) => {
  const world = await start(t)
  const keeper = await keeperOf(world)
  await world.sql(`insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge)
    select decode(lpad(to_hex(n), 8, '0'), 'hex'), 3, now(), 6, 3 from generate_series(1, 501) as n`)
  const first = await keeper.purge()

  await world.sql(`update postern.address_budget set code_level_at = now() - interval '30 days'`)

  t.strictSame([first, await keeper.purge()], [{}, { budgets: 501 }])
})

t.test('tables stay flat, however many instances purge at once', async (t) => {
  const world = await start(t)
  const others = [await world.another(), await world.another()]
  const keepers = await Promise.all([world, ...others].map(keeperOf))
  const sizes: number[][] = []
  const many = (statement: string) =>
    world.sql(statement.replace(/\bvalues \((.+)\)$/s, 'select $1 from generate_series(1, 1200)'))

  for (const _ of [1, 2, 3]) {
    for (const { insert, old } of kinds) await many(insert(old))
    await Promise.all(keepers.map((keeper) => keeper.purge()))
    await keepers[0]?.purge()
    sizes.push(await Promise.all(kinds.map(({ table }) => count(world.sql, table))))
  }

  t.strictSame(
    sizes[0],
    kinds.map(({ table }) => (table === 'signing_key' ? 1 : 0))
  )
  t.strictSame(sizes[1], sizes[0])
  t.strictSame(sizes[2], sizes[0])
})

t.test('another instance that is at one task keeps none of the others from being done', async (t) => {
  const world = await start(t)
  const keeper = await keeperOf(world)
  await world.sql(
    `insert into postern.event (id, kind, outcome, at) values (gen_random_uuid(), 'old', 'old', now() - interval '401 days')`
  )
  const other = new pg.Client({ connectionString: world.databaseUrl })
  await other.connect()
  t.teardown(() => other.end())
  await other.query(`select pg_advisory_lock(hashtext('postern housekeeping'), hashtext('challenges'))`)

  const done = await keeper.purge()

  t.match(done, { events: 1 })
})

t.test('a challenge that was never mailed goes soon after its end', async (t) => {
  const world = await start(t)
  const keeper = await keeperOf(world)
  const insert = (mailed: boolean, ago: string) =>
    world.sql(
      `insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet,
        charged, tries_left, sends, sent_at, expires_at, settled_at, key_id, mailed)
      values (gen_random_uuid(), 'sign_in', $2, 'a', '\\x01', 6, 'digits', 3, 3, 1, now(), now() - $2::text::interval, now(), 'x', $1)`,
      [mailed, ago]
    )
  for (const ago of ['6 minutes', '4 minutes']) for (const mailed of [true, false]) await insert(mailed, ago)

  await insert(false, '7 minutes')
  await world.sql(`update postern.challenge set email_key = '' where email = '7 minutes'`) // as of a deleted account
  await insert(false, '8 minutes')
  await world.sql(`update postern.challenge set settled_at = null where email = '8 minutes'`) // its tries were not given back yet

  t.strictSame(await keeper.purge(), { unmailedChallenges: 1 })
  const left = await world.sql('select email, mailed from postern.challenge order by email, mailed')
  t.strictSame(
    left.map(({ email, mailed }) => [email, mailed]),
    [
      ['4 minutes', false],
      ['4 minutes', true],
      ['6 minutes', true],
      ['7 minutes', false],
      ['8 minutes', false]
    ]
  )
})
