import t from 'tap'
import { sampleHashes } from '../../src/hashing/store.ts'
import { MINUTE, milliseconds } from '../../src/lib/time.ts'
import { start, until } from '../helper.ts'

t.test('a look at the stored hashes that fails is told, and ends nothing', async (t) => {
  const looks: (() => void)[] = []
  const real = globalThis.setInterval
  t.teardown(() => Object.assign(globalThis, { setInterval: real }))
  globalThis.setInterval = ((work: () => void, every: number) => {
    if (every === milliseconds(MINUTE)) looks.push(work)
    return real(work, every)
  }) as unknown as typeof setInterval
  const { api, log, sql } = await start(t)
  await sql('alter table postern.decoy rename to decoy_elsewhere')

  for (const look of looks) look()

  await until(() => log.some((line) => line.includes('could not sample the stored hashes')))
  t.equal((await api.getLiveness()).status, 200)
})

t.test('an instance starts where somebody has emptied all tables', async (t) => {
  const { another, sql } = await start(t)
  await sql('delete from postern.decoy')

  const { api } = await another()

  t.match(await api.loginWithPassword({ email: 'maya@example.com', password: 'sieben Zwetschgen' }), { status: 401 })
})

t.test(
  'what is sampled of a stored hash is all before its salt, and how long its digest is without padding',
  async (t) => {
    const { ctx, sql } = await start(t)
    const hashes = [
      `$2y$12$${'a'.repeat(53)}`,
      `$2a$10$${'a'.repeat(53)}`,
      `pbkdf2_sha256$400000$seasalt2x$${'b'.repeat(43)}=`,
      `$argon2id$v=19$m=19456,t=2,p=1$${'c'.repeat(22)}$${'d'.repeat(43)}`
    ]
    for (const [nth, hash] of hashes.entries())
      await sql(
        `insert into postern."user" (id, email, email_key, locale, password_hash) values (gen_random_uuid(), $1, $1, 'en', $2)`,
        [`${nth}@example.com`, hash]
      )

    const kinds = (await sampleHashes(ctx.db, {})).map(({ start, length }) => [start, length])

    t.strictSame(kinds.sort(), [
      ['$2a$10$', 53],
      ['$2y$12$', 53],
      ['$argon2id$v=19$m=19456,t=2,p=1$', 43],
      ['pbkdf2_sha256$400000$', 43]
    ])
  }
)
