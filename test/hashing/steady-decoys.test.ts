import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { makeLog } from '../../src/cli/log.ts'
import { Passwords } from '../../src/hashing/passwords.ts'
import { type Running, start } from '../helper.ts'

const cheap = `$postern$v=1$k=-$2b$05$${'a'.repeat(53)}`
const dear = `pbkdf2_sha256$400000$seasalt2x$${'b'.repeat(43)}=`
/** More than are looked at. */
const ACCOUNTS = 60_000
const strangers = Array.from({ length: 2000 }, (_, nth) => `stranger${nth}@example.com`)

/** Accounts moved here a few hundred at a time, as they are in a table that has grown: a page holds mostly one kind of hash. */
const addAccounts = (from: number, count: number): string =>
  `insert into postern."user" (id, email, email_key, locale, password_hash)
   select gen_random_uuid(), n || '@example.com', n || '@example.com', 'en', case n / 300 % 3 when 0 then '${dear}' else '${cheap}' end
   from generate_series(${from}, ${from + count - 1}) as n`

/** What one look of one instance makes of every stranger. */
async function look({ ctx }: Running): Promise<string[]> {
  const passwords = new Passwords({ db: ctx.db, config: ctx.config, log: makeLog('silent') })
  await passwords.start()
  const drawn = strangers.map((email) => passwords.decoy(createHash('sha256').update(email).digest()))
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

  const later = []
  for (let nth = 0; nth < 10; nth++) later.push(await look(nth % 2 === 0 ? world.second : world))

  const shares = Map.groupBy(first, String)
  t.equal(shares.size, 2)
  for (const { length } of shares.values()) t.ok(length > 400, `${length} of 2000`)
  t.strictSame(
    later.map((kinds) => movedBetween(first, kinds)),
    later.map(() => 0)
  )
})
