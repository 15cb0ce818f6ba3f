import pg from 'pg'
import t from 'tap'
import { settleChallenges } from '../../src/housekeeping/store.ts'
import { start, until, wrongCode } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { expireChallenges, keeperOf, levels } from './keeper.ts'

const email = 'maya@example.com'

t.test('a code that nobody tried costs its address nothing in the end', async (t) => {
  const world = await start(t, { CODE_LENGTHEN_AT: '3' })
  const first = await world.api.requestOtp({ email })
  const meanwhile = await world.api.requestOtp({ email })

  await expireChallenges(world.sql)
  await (await keeperOf(world)).settle()
  const after = await world.api.requestOtp({ email })

  t.strictSame(
    [first, meanwhile, after].map(({ body }) => body.code_length),
    [6, 8, 6]
  )
})

t.test('tries that were spent are not given back', async (t) => {
  const world = await start(t)
  const { body } = await world.api.requestOtp({ email })
  const wrong = { challenge: body.challenge, code: wrongCode(world.codeOf(body.challenge)) }
  await world.api.verifyOtp(wrong)

  await expireChallenges(world.sql)
  await (await keeperOf(world)).settle()
  const afterOne = await levels(world.sql)
  const { body: next } = await world.api.requestOtp({ email })
  for (const _ of [1, 2, 3])
    await world.api.verifyOtp({ challenge: next.challenge, code: wrongCode(world.codeOf(next.challenge)) })
  await expireChallenges(world.sql)
  await (await keeperOf(world)).settle()

  t.strictSame(afterOne, [1])
  t.strictSame(await levels(world.sql), [4])
})

t.test('a used code has got its tries back already', async (t) => {
  const world = await start(t)
  await world.signIn(email)
  await world.sql(`delete from postern.known_network; delete from postern.device`)
  await world.api.requestOtp({ email })
  await world.sql(`update postern.challenge set expires_at = now() - interval '1 hour' where used_at is not null`)

  await (await keeperOf(world)).settle()

  t.strictSame(await levels(world.sql), [3])
})

t.test('a code that still lives is left alone, and one that was settled opens nothing', async (t) => {
  const world = await start(t)
  const alive = await world.api.requestOtp({ email })
  await (await keeperOf(world)).settle()
  const untouched = await levels(world.sql)

  await expireChallenges(world.sql)
  await (await keeperOf(world)).settle()
  // As for a statement that began before the end, and met the settled row behind its lock.
  await world.sql(`update postern.challenge set expires_at = now() + interval '1 minute'`)
  const late = await world.api.verifyOtp({ challenge: alive.body.challenge, code: world.codeOf(alive.body.challenge) })

  t.strictSame(untouched, [3])
  t.equal(late.status, 401)
  t.strictSame(await levels(world.sql), [0])
})

t.test('tries go back to the pool they were taken from', async (t) => {
  const world = await start(t)
  await world.sql(
    `with budget as (
       insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge, pools)
       select '\\x01', 5, now(), 6, 3, jsonb_build_object('device:a', jsonb_build_array(4, extract(epoch from now()))))
     insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged, pool,
       tries_left, sends, sent_at, expires_at, key_id)
     select gen_random_uuid(), 'sign_in', 'a@b.example', 'a@b.example', '\\x01', 6, 'digits', 3, 'device:a', 2, 1, now(),
       now() - interval '1 second', 'x'`
  )

  await (await keeperOf(world)).settle()
  const [pool] = await world.sql(
    `select round((pools -> 'device:a' ->> 0)::numeric, 2)::float8 as level from postern.address_budget`
  )

  t.strictSame(await levels(world.sql), [5])
  t.strictSame(pool, { level: 2 })
})

t.test('an address with thousands of ended codes is in nobody’s way, even while it is held', async (t) => {
  const world = await start(t)
  await world.sql(
    `with people as (select n, decode(lpad(to_hex(n), 8, '0'), 'hex') as key from generate_series(1, 2) as n),
     budgets as (
       insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge, pools)
       select key, 9000, now(), 6, 3, jsonb_build_object('device:a', jsonb_build_array(9, extract(epoch from now())))
       from people)
     insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged, pool,
       tries_left, sends, sent_at, expires_at, key_id)
     select gen_random_uuid(), 'sign_in', 'a@b.example', 'a@b.example', key, 6, 'digits', 3,
       case when nth % 1000 = 0 then 'device:a' end, 3, 1, now(), now() - interval '1 second' * (3000 - n), 'x'
     from people, generate_series(1, 2500) as nth where n = 1 or nth <= 1`
  )
  const keeper = await keeperOf(world)
  const attacker = new pg.Client({ connectionString: world.databaseUrl })
  await attacker.connect()
  t.teardown(() => attacker.end())
  await attacker.query(`begin; select from postern.address_budget where key = '\\x00000001' for update`)

  const beside = await keeper.settle()
  const besides = await levels(world.sql)
  await attacker.query('commit')
  const own = await keeper.settle()
  const [pool] = await world.sql(
    `select round((pools -> 'device:a' ->> 0)::numeric, 2)::float8 as level from postern.address_budget order by key`
  )

  t.strictSame([beside, besides], [1, [9000, 8997]])
  t.equal(own, 2500)
  t.strictSame(await levels(world.sql), [9000 - 3 * 2498, 8997])
  t.strictSame(pool, { level: 3 })
})

t.test(
  'a round ends after eight seconds, so that nobody who was held waits for all that has ended since',
  async (t) => {
    const world = await start(t)
    const keeper = await keeperOf(world)
    const holder = new pg.Client({ connectionString: world.databaseUrl })
    await holder.connect()
    t.teardown(() => holder.end())
    /** A round over 1200 codes, in which so many seconds go by while it is at the first 500. @returns how many it settled */
    const roundOf = async (seconds: number): Promise<number> => {
      await world.sql(
        `insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged,
         tries_left, sends, sent_at, expires_at, key_id)
       select gen_random_uuid(), 'sign_in', 'a@b.example', 'a@b.example', '\\x01', 6, 'digits', 3, 3, 1, now(), now(), 'x'
       from generate_series(1, 1200)`
      )
      await holder.query('begin; lock table postern.challenge in access exclusive mode')
      jumpAhead(t, 0) // the clock stands still but for the jump
      const round = keeper.settle()
      const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await until(async () => (await world.sql(waits)).length > 0)
      jumpAhead(t, seconds)
      await holder.query('commit')
      return await round
    }

    t.equal(await roundOf(9), 500)
    t.equal(await keeper.settle(), 700)
    t.equal(await roundOf(7), 1200)
  }
)

t.test('however many instances settle at once, each try is given back once', async (t) => {
  const world = await start(t)
  const others = [await world.another(), await world.another()]
  // Three challenges an address, charged three each; of every third challenge two tries were spent.
  await world.sql(
    `with people as (select n, decode(lpad(to_hex(n), 8, '0'), 'hex') as key from generate_series(1, 400) as n),
     budgets as (
       insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge)
       select key, 20, now(), 6, 3 from people)
     insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged,
       tries_left, sends, sent_at, expires_at, key_id)
     select gen_random_uuid(), 'sign_in', 'a@b.example', 'a@b.example', key, 6, 'digits', 3,
       case when nth = 3 then 1 else 3 end, 1, now(), now() - interval '1 second', 'x'
     from people, generate_series(1, 3) as nth`
  )
  const unlocked = async (db: typeof world.ctx.db): Promise<void> => {
    while (((await settleChallenges(db, { most: 50, skipped: [] }))[0]?.done ?? 0) > 0);
  }

  const keepers = await Promise.all([world, ...others].map(keeperOf))

  await Promise.all([
    ...[world, ...others].flatMap(({ ctx }) => [unlocked(ctx.db), unlocked(ctx.db)]),
    ...keepers.map((keeper) => keeper.settle())
  ])
  await keepers[0]?.settle()
  const left = await world.sql('select from postern.challenge where settled_at is null')

  t.strictSame([...new Set(await levels(world.sql))], [13])
  t.equal(left.length, 0)
})
