import { createHash } from 'node:crypto'
import t from 'tap'
import { decoyOf, heldMix, type Kind } from '../../src/hashing/decoy.ts'
import { newKey, start } from '../helper.ts'
import { passwordsOf } from './hashing.ts'

const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_value, nth) => `stranger${nth}@example.com`)
const macs = (count: number): Buffer[] => addresses(count).map((email) => createHash('sha256').update(email).digest())
const startOf = (hash: string): string =>
  /[$]2[aby][$]\d\d[$]/.test(hash) ? hash.slice(0, -53) : hash.replace(/[^$]+[$][^$]+$/, '')

const bcrypt: Kind = { start: '$postern$v=1$k=-$2b$10$', length: 53, count: 600 }
const django: Kind = { start: 'pbkdf2_sha256$1000$', length: 43, count: 300 }
const argon: Kind = { start: '$argon2id$v=19$m=1024,t=2,p=1$', length: 22, count: 100 }

t.test('decoys are as often of each kind as stored hashes are', async (t) => {
  const drawn = Map.groupBy(
    macs(10_000).map((mac) => startOf(decoyOf([bcrypt, django, argon], mac))),
    String
  )

  // Five standard deviations of 10,000 draws are 250 at the most.
  for (const { start, count } of [bcrypt, django, argon])
    t.ok(Math.abs((drawn.get(start)?.length ?? 0) - 10 * count) < 250, `${start} ${drawn.get(start)?.length}`)
})

t.test('an address keeps its decoy, and moves only to the kind that has grown', async (t) => {
  const before = macs(2000).map((mac) => decoyOf([bcrypt, django, argon], mac))

  const again = macs(2000).map((mac) => decoyOf([argon, bcrypt, django], mac))
  const after = macs(2000).map((mac) => decoyOf([{ ...bcrypt, count: 900 }, django, argon], mac))

  t.strictSame(again, before)
  const moved = after.filter((hash, index) => hash !== before[index])
  t.ok(moved.length > 50)
  t.ok(moved.every((hash) => startOf(hash) === bcrypt.start))
})

t.test('decoys are drawn from what is stored, and cost what it costs', async (t) => {
  const { ctx, sql, another } = await start(t, { BCRYPT_COST: '5' })
  const own = await ctx.passwords.hash('correct horse')
  const foreign = 'pbkdf2_sha256$400000$seasalt2x$uptfaTaokRVMNdKT/DDrZ3M2t+GDpLMo14BOlxMpK8I='
  await sql(
    `insert into postern."user" (id, email, email_key, locale, password_hash)
     select gen_random_uuid(), n || '@example.com', n || '@example.com', 'en', case n % 4 when 0 then $1 when 1 then null when 2 then 'unreadable$a$b' else $2 end
     from generate_series(1, 400) as n`,
    [own, foreign]
  )
  const { passwords } = (await another()).ctx
  const decoys = addresses(200).map((email) => passwords.decoy(email))
  const sample = (mine: boolean) => decoys.find((hash) => hash.startsWith('$postern$') === mine) as string
  /** Of the processor and not of the clock: other tests run beside this one. */
  const seconds = async (stored: string): Promise<number> => {
    const begun = process.cpuUsage()
    t.notOk(await passwords.check('correct house', stored))
    return process.cpuUsage(begun).user / 1e6
  }
  await seconds(own)

  const shares = Map.groupBy(decoys, startOf)
  const [real, decoy] = [Math.min(await seconds(foreign), await seconds(foreign)), await seconds(sample(false))]

  t.strictSame([...shares.keys()].sort(), ['$postern$v=1$k=-$2b$05$', 'pbkdf2_sha256$400000$'])
  t.ok((shares.get('pbkdf2_sha256$400000$')?.length ?? 0) > 60)
  t.ok(decoy > real * 0.3, `the decoy took ${decoy} s, the real one ${real} s`)
  t.equal(sample(true).length, own.length)
})

t.test('without stored passwords a decoy is what would be stored now', async (t) => {
  for (const settings of [{}, { PASSWORD_HASH: 'argon2id' }]) {
    const passwords = passwordsOf(t, settings)
    const decoy = passwords.decoy('stranger@example.com')

    t.notOk(passwords.outdated(decoy))
    t.equal(decoy.length, (await passwords.hash('correct horse')).length)
    t.notOk(await passwords.check('correct horse', decoy))
  }
})

t.test('a share is held until it has changed by a quarter, and no other share moves with it', async (t) => {
  const held = heldMix([], [bcrypt, django, argon])
  const shares = (mix: readonly Kind[]) =>
    [bcrypt, django, argon].map(({ start }) => mix.find((kind) => kind.start === start)?.count)

  t.strictSame(shares(held), [600_000, 300_000, 100_000])
  t.strictSame(heldMix(held, [argon, { ...django, count: 350 }, { ...bcrypt, count: 550 }]), held)
  t.strictSame(
    shares(heldMix(held, [bcrypt, { ...django, count: 270 }, { ...argon, count: 130 }])),
    [600_000, 300_000, 130_000]
  )
  t.strictSame(shares(heldMix(held, [bcrypt, { ...django, count: 400 }])), [600_000, 400_000, undefined])
  t.strictSame(heldMix(held, []), held)
})

t.test('an address keeps its decoy at every instance, whatever master keys it has', async (t) => {
  const { ctx, another, sql } = await start(t, { BCRYPT_COST: '5' })
  await sql(
    `insert into postern."user" (id, email, email_key, locale, password_hash)
     select gen_random_uuid(), n || '@example.com', n || '@example.com', 'en', case n % 2 when 0 then $1 else $2 end
     from generate_series(1, 40) as n`,
    [await ctx.passwords.hash('correct horse'), `pbkdf2_sha256$1000$salt$${'b'.repeat(43)}=`]
  )
  const instances = [await another(), await another({ SECRET_KEYS: newKey() })]

  const [before, after] = instances.map(({ ctx }) => addresses(200).map((email) => startOf(ctx.passwords.decoy(email))))

  t.equal(new Set(before).size, 2)
  t.strictSame(after, before)
})
