import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Housekeeper } from '../../src/housekeeping/housekeeper.ts'
import { rotateAgedSigningKeys } from '../../src/keys/rotate.ts'
import { DAY, HOUR, milliseconds } from '../../src/lib/time.ts'
import { newKey, start, until } from '../helper.ts'
import { pair } from '../pair.ts'
import { expireChallenges, levels } from './keeper.ts'

t.test('the service keeps house by itself', async (t) => {
  const world = await start(t)
  await world.api.requestOtp({ email: 'maya@example.com' })
  await expireChallenges(world.sql)

  const settled = await until(async () => {
    const rows = await world.sql('select from postern.challenge where settled_at is not null')
    return rows.length > 0 ? rows : undefined
  })

  t.equal(settled.length, 1)
  t.strictSame(await levels(world.sql), [0])
})

t.test('in an hour it settles every ten seconds, purges every minute and looks at the signing keys once', async (t) => {
  const done = { settled: 0, purged: 0, looked: 0 }
  class Counting extends Housekeeper {
    override async settle() {
      return ++done.settled
    }
    override async purge() {
      done.purged += 1
      return {}
    }
  }
  const rotateKeys = async () => ++done.looked
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse('2026-03-01T00:00:00.500Z') })
  t.teardown(() => mock.timers.reset())
  const keeper = new Counting({ eventRetention: DAY, mailRetention: DAY, rotateKeys } as never)

  keeper.start()
  for (let second = 1; second <= HOUR; second++) {
    mock.timers.tick(milliseconds(1))
    await turn()
  }
  await keeper.stop()

  t.strictSame(done, { settled: 360, purged: 60, looked: 1 })
})

t.test('work that fails is told each time, and tried again', async (t) => {
  const told: string[] = []
  class Failing extends Housekeeper {
    override async settle(): Promise<never> {
      throw new Error('no database')
    }
  }
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse('2026-03-01T00:00:10.500Z') })
  t.teardown(() => mock.timers.reset())
  const log = { warn: ({ err }: { err: Error }, text: string) => told.push(`${text}: ${err.message}`) }
  const keeper = new Failing({ log, eventRetention: DAY, mailRetention: DAY } as never)

  keeper.start()
  for (let second = 1; second <= 20; second++) {
    mock.timers.tick(milliseconds(1))
    await turn()
  }
  await keeper.stop()

  t.strictSame(told, ['settling challenges failed: no database', 'settling challenges failed: no database'])
})

t.test('a signing key that has grown old is replaced once, however many instances look', async (t) => {
  const world = await pair(t)
  const { db, secrets } = world.ctx
  const look = () => rotateAgedSigningKeys(db, secrets, { publish: 300, verify: 660 }, 90 * DAY)
  const young = await look()
  await world.sql(`update postern.signing_key set activates_at = now() - interval '91 days'`)

  const held = await world.hold(`select pg_advisory_xact_lock(hashtext('postern signing keys'))`)
  const looks = [look(), look(), look()]
  await world.waiting(3)
  await held.query('rollback')
  const made = await Promise.all(looks)
  const again = await look()
  const keys = await world.sql<{ kid: string; retires: number | null }>(
    `select kid, extract(epoch from retires_at - now())::int as retires from postern.signing_key order by activates_at`
  )

  t.equal(young, undefined)
  t.equal(made.filter((kid) => kid !== undefined).length, 1)
  t.equal(again, undefined)
  t.match(keys, [{ retires: Number }, { kid: made.find(Boolean), retires: null }])
  t.ok((keys[0]?.retires ?? 0) > 900, 'tokens that the old one signed run out first')
})

t.test(
  'an old signing key is not replaced by an instance with other master keys: its peers could not sign',
  async (t) => {
    const { ctx, another, sql } = await start(t)
    const stray = await another({ SECRET_KEYS: newKey() })
    await sql(`update postern.signing_key set activates_at = now() - interval '91 days'`)

    const made = await rotateAgedSigningKeys(stray.ctx.db, stray.ctx.secrets, { publish: 300, verify: 660 }, 90 * DAY)

    t.equal(made, undefined)
    t.equal((await sql('select from postern.signing_key')).length, 1)
    await ctx.signing.reload()
    t.equal(ctx.signing.fault, undefined)
  }
)
