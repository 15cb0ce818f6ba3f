import t, { type Test } from 'tap'
import { makeLog } from '../../src/cli/log.ts'
import { Passwords } from '../../src/hashing/passwords.ts'
import { sampleHashes } from '../../src/hashing/store.ts'
import { type Running, start } from '../helper.ts'

const cheap = `$postern$v=1$k=-$2b$05$${'a'.repeat(53)}`
const dear = `pbkdf2_sha256$400000$seasalt2x$${'b'.repeat(43)}=`
/** More than are looked at. */
const ACCOUNTS = 45_000
const strangers = Array.from({ length: 2000 }, (_, nth) => `stranger${nth}@example.com`)

/** Accounts moved here a few hundred at a time, as they are in a table that has grown: a page holds mostly one kind of hash. */
const addAccounts = (from: number, count: number, hash?: string): string =>
  `insert into postern."user" (id, email, email_key, locale, password_hash)
   select gen_random_uuid(), n || '@example.com', n || '@example.com', 'en', ${hash ? `'${hash}'` : `case n / 300 % 3 when 0 then '${dear}' else '${cheap}' end`}
   from generate_series(${from}, ${from + count - 1}) as n`

/** What one look of one instance makes of every stranger. */
async function look({ ctx }: Running): Promise<string[]> {
  const passwords = new Passwords({ db: ctx.db, config: ctx.config, log: makeLog('silent') })
  await passwords.start()
  const drawn = strangers.map((email) => passwords.decoy(email))
  await passwords.stop()
  return drawn.map((hash) => hash.slice(0, 14))
}

const movedBetween = (before: string[], after: string[]): number =>
  after.filter((kind, nth) => kind !== before[nth]).length

async function startCrowded(t: Test) {
  const world = await start(t)
  await world.sql(addAccounts(1, ACCOUNTS))
  await world.sql('analyze postern."user"')
  return { ...world, second: await world.another() }
}

t.test('where accounts are many, an address keeps its decoy at every look of every instance', async (t) => {
  const world = await startCrowded(t)
  const first = await look(world)
  const kept = await world.sql('select xmin::text from postern.decoy')

  const later = []
  for (let nth = 0; nth < 6; nth++) later.push(await look(nth % 2 === 0 ? world.second : world))

  const shares = Map.groupBy(first, String)
  t.equal(shares.size, 2)
  for (const { length } of shares.values()) t.ok(length > 400, `${length} of 2000`)
  t.strictSame(
    later.map((kinds) => movedBetween(first, kinds)),
    later.map(() => 0)
  )
  t.strictSame(await world.sql('select xmin::text from postern.decoy'), kept, 'and nothing was written')
  const samples = await Promise.all([world, world.second, world].map(({ ctx }) => sampleHashes(ctx.db, {})))
  t.strictSame(
    samples,
    samples.map(() => samples[0]),
    'nor is it only that shares are held: all see the same accounts'
  )
})

t.test('what happens to some accounts in a hundred changes the decoy of no other address', async (t) => {
  const world = await startCrowded(t)
  const first = await look(world)

  await world.sql(addAccounts(ACCOUNTS + 1, 3000, dear))
  const signedUp = await look(world)
  await world.sql(
    `update postern."user" set password_hash = '${cheap}' where password_hash = '${dear}' and random() < 0.1`
  )
  await world.sql('analyze postern."user"')
  const upgraded = await look(world.second)
  await world.sql(
    `update postern."user" set password_hash = '${cheap}' where password_hash = '${dear}' and random() < 0.5`
  )
  const [moved, elsewhere] = [await look(world), await look(world.second)]

  t.equal(movedBetween(first, signedUp), 0)
  t.equal(movedBetween(first, upgraded), 0)
  t.ok(movedBetween(first, moved) > 100, 'but when many change, so do decoys')
  t.ok(
    moved.every((kind, nth) => kind === first[nth] || cheap.startsWith(kind)),
    'and only to where people went'
  )
  t.equal(movedBetween(moved, elsewhere), 0)
})

t.test('a database that only reads stops no start', async (t) => {
  const { ctx, sql, another } = await start(t, { BCRYPT_COST: '5' })
  await sql(addAccounts(1, 10, dear))
  const [{ name } = { name: '' }] = await sql<{ name: string }>('select current_database() as name')
  await sql(`alter database "${name}" set default_transaction_read_only = on`)

  const reading = await another()
  await sql(`begin read write; alter database "${name}" reset default_transaction_read_only; commit`)
  const writing = await another()

  const stranger = 'stranger@example.com'
  t.ok(ctx.passwords.decoy(stranger).startsWith('$postern$'), 'it has not looked since')
  t.equal(reading.ctx.passwords.decoy(stranger).slice(0, 14), dear.slice(0, 14))
  t.equal(writing.ctx.passwords.decoy(stranger), reading.ctx.passwords.decoy(stranger))
  t.ok(reading.log.some((line) => line.includes('could not keep the mix of stored hashes')))
  t.notOk(writing.log.some((line) => line.includes('could not keep the mix of stored hashes')))
})
