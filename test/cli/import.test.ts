import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { importFile } from '../../src/cli/users.ts'
import { poolOf } from '../database.ts'
import { newKey, start, until } from '../helper.ts'
import { program as executable, postern } from '../keys/command.ts'
import { inProcess } from './in-process.ts'

const foreign = 'pbkdf2_sha256$1000$seasalt2x$uptfaTaokRVMNdKT/DDrZ3M2t+GDpLMo14BOlxMpK8I='
const foreignPassword = 'Grüße, 世界 🗝 correct horse'

async function startWithImport(t: Test, settings: Record<string, string> = {}) {
  const world = await start(t, { BCRYPT_COST: '4', ...settings })
  const own = { ...world.settings, DATABASE_URL: world.databaseUrl }
  const program = (words: string[], more: Record<string, string> = {}) =>
    postern(['users', ...words], { ...own, ...more })
  /** What a command says at standard error whose reader has closed standard output at the first words. */
  const leavingReader = (words: string[]) => postern(['users', ...words], own, (out) => out.destroy())
  const importing = (path?: string) => inProcess(t, () => importFile(own, path))
  const file = async (rows: (string | Buffer | object)[]): Promise<string> => {
    const path = join(t.testdir({}), 'users.ndjson')
    const lines = rows.map((row) => (typeof row === 'string' || Buffer.isBuffer(row) ? row : JSON.stringify(row)))
    await writeFile(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])))
    return path
  }
  const users = () =>
    world.sql(
      `select email, email_key, password_hash, email_verified_at is not null as verified, locale, external_id,
         disabled_at is not null as disabled from postern."user" order by email_key`
    )
  return { ...world, own, program, leavingReader, importing, file, users }
}

t.test('each line of a file becomes an account', async (t) => {
  const { importing, file, users, sql } = await startWithImport(t)
  const path = await file([
    { email: 'Maya@Example.com', password_hash: foreign, email_verified: true, locale: 'de', external_id: '42' },
    { email: 'bare@example.com' },
    '',
    {
      email: 'off@example.com',
      password_hash: null,
      external_id: null,
      locale: null,
      email_verified: null,
      disabled: true
    }
  ])

  const ended = await importing(path)

  t.match(ended, { code: 0, out: '3 imported, 0 already there, 0 refused\n', err: '' })
  const none = { password_hash: null, verified: false, locale: 'en', external_id: null, disabled: false }
  t.strictSame(await users(), [
    { ...none, email: 'bare@example.com', email_key: 'bare@example.com' },
    {
      email: 'Maya@example.com',
      email_key: 'maya@example.com',
      password_hash: foreign,
      verified: true,
      locale: 'de',
      external_id: '42',
      disabled: false
    },
    { ...none, email: 'off@example.com', email_key: 'off@example.com', disabled: true }
  ])
  t.strictSame(
    await sql(
      `select count(*)::int4 as events, count(distinct e.email_mac)::int4 as addresses from postern.event as e
       join postern."user" as u on u.id = e.user_id where e.kind = 'account_imported'`
    ),
    [{ events: 3, addresses: 3 }]
  )
})

t.test('the same file again changes nothing, and neither does what an account has become', async (t) => {
  const { importing, file, users, sql, ctx } = await startWithImport(t)
  const path = await file([
    { email: 'maya@example.com', password_hash: foreign, external_id: '42' },
    { email: 'noor@example.com', password_hash: foreign }
  ])
  await importing(path)
  await sql(`update postern."user" set password_hash = $1, locale = 'fr'`, [await ctx.passwords.hash('a newer one')])
  const before = await users()

  const ended = await importing(path)

  t.match(ended, { code: 0, out: '0 imported, 2 already there, 0 refused\n' })
  t.strictSame(await users(), before)
  t.equal((await sql("select from postern.event where kind = 'account_imported'")).length, 2, 'and the audit says so')
})

t.test('a bad line is reported with its number and reason, and the rest is imported', async (t) => {
  const { importing, file, users } = await startWithImport(t)
  const [firstId, otherId] = ['6f1d0d9e-4c5e-4b55-9a55-1d7f1f0b2c3d', '0b9f8f5a-9d3f-4a53-8b1e-5a7a6c2d1e0f']
  const bad: [string | Buffer | object, string][] = [
    ['{"email": "x@example.com"', 'is not JSON, or repeats a member'],
    ['{"email": "x@example.com", "email": "y@example.com"}', 'is not JSON, or repeats a member'],
    ['["x@example.com"]', 'is not a JSON object'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'is not UTF-8'],
    [`{"email": "${'x'.repeat(20_000)}@example.com"}`, 'is longer than 16384 bytes'],
    [{}, 'email is not an address'],
    [{ email: 'x@localhost' }, 'email is not an address'],
    [{ email: 5 }, 'email must be a string'],
    [{ email: null }, 'email must be a string'],
    [{ email: 'x@example.com', passwordHash: 'hunter2' }, 'has a member other than id, email, password_hash'],
    [{ email: 'x@example.com', constructor: 1 }, 'has a member other than id, email, password_hash'],
    [{ email: 'x@example.com', toString: null }, 'has a member other than id, email, password_hash'],
    [{ email: 'x@example.com', password_hash: 'hunter2' }, 'password_hash has an unsupported format'],
    [
      { email: 'x@example.com', password_hash: foreign.replace('1000', '99999999') },
      'password_hash is too expensive to check'
    ],
    [
      { email: 'x@example.com', password_hash: `$postern$v=1$k=0badcafe$2b$04$${'a'.repeat(53)}` },
      'password_hash names a pepper that PASSWORD_PEPPERS lacks'
    ],
    [{ email: 'x@example.com', email_verified: 'yes' }, 'email_verified must be true or false'],
    [{ email: 'x@example.com', locale: 'german!' }, 'locale must be a language tag'],
    [{ email: 'x@example.com', locale: `de${'-x'.repeat(20)}` }, 'locale must be a language tag'],
    [{ email: 'x@example.com', id: '42' }, 'id must be a UUID'],
    [{ email: 'x@example.com', id: '00000000-0000-0000-0000-000000000000' }, 'id must be a UUID, and not the nil one'],
    [{ email: 'first@example.com', id: otherId }, 'the address belongs to another id'],
    [{ email: 'second@example.com', id: firstId }, 'id belongs to another address'],
    [{ email: 'x@example.com', external_id: 'a\0b' }, 'external_id must be a string of 1 to 255'],
    [{ email: 'x@example.com', external_id: '\ud83e' }, 'external_id must be a string of 1 to 255'],
    [{ email: 'x@example.com', external_id: 'x'.repeat(256) }, 'external_id must be a string of 1 to 255'],
    [{ email: 'x@example.com', external_id: '' }, 'external_id must be a string of 1 to 255'],
    [{ email: 'first@example.com', external_id: '2' }, 'the address belongs to another external_id'],
    [{ email: 'second@example.com', external_id: '1' }, 'external_id belongs to another address']
  ]
  const path = await file([
    { id: firstId, email: 'first@example.com', external_id: '1' },
    ...bad.map(([row]) => row),
    { email: 'last@example.com' }
  ])

  const ended = await importing(path)

  t.equal(ended.code, 1)
  t.match(ended.out, `2 imported, 0 already there, ${bad.length} refused\n`)
  for (const [index, [, reason]] of bad.entries()) t.match(ended.out, `line ${index + 2}: ${reason}`)
  t.notMatch(ended.out + ended.err, 'hunter2')
  t.notMatch(ended.out + ended.err, '@example')
  t.strictSame(
    (await users()).map((user) => user.email),
    ['first@example.com', 'last@example.com']
  )
})

t.test('of two lines for one account the first is taken, wherever they stand', async (t) => {
  const { importing, file, users } = await startWithImport(t)
  const names = Array.from({ length: 300 }, (_, at) => `dup${(at * 7919) % 300}@example.com`)
  const first = names.map((email) => ({ email, locale: 'de', external_id: `of ${email}` }))
  const again = names.map((email) => ({ email: email.toUpperCase(), locale: 'fr', external_id: `of ${email}` }))
  const taken = { email: 'a@example.com', external_id: `of ${names[0]}` }

  const ended = await importing(await file([...first, ...again, taken]))

  t.match(ended.out, 'line 601: external_id belongs to another address')
  t.match(ended.out, '300 imported, 300 already there, 1 refused')
  t.strictSame(
    (await users()).map(({ email, locale }) => [email, locale]),
    [...names].sort().map((email) => [email, 'de'])
  )
})

t.test('of two lines with one external id the first is taken, whatever their addresses', async (t) => {
  const { importing, file, users } = await startWithImport(t)
  const lines = ['zoe@example.com', 'ann@example.com'].map((email) => ({ email, external_id: '7' }))

  const ended = await importing(await file(lines))

  t.equal(ended.out, 'line 2: external_id belongs to another address\n1 imported, 0 already there, 1 refused\n')
  t.match(await users(), [{ email: 'zoe@example.com' }])
})

t.test('two imports of the same addresses at once do not wait for each other in a circle', async (t) => {
  const { importing, file, own, users, sql } = await startWithImport(t)
  const emails = ['noor@example.com', 'maya@example.com']
  const other = poolOf(own.DATABASE_URL, 1)
  t.teardown(() => other.end())
  const insert = `insert into postern."user" (id, email, email_key, locale) values (gen_random_uuid(), $1, $1, 'en')`
  await other.query('begin')
  await other.query(insert, ['maya@example.com'])

  const ended = importing(await file(emails.map((email) => ({ email }))))
  const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await until(async () => (await sql(waits)).length > 0)
  await other.query(`set local lock_timeout = '1s'`)
  await other.query(insert, ['noor@example.com'])
  await other.query('commit')

  t.match(await ended, { code: 0, out: '0 imported, 2 already there, 0 refused\n' })
  t.equal((await users()).length, 2)
})

t.test('a reader of the report or of an export that goes away ends neither with a fault', async (t) => {
  const { file, users, leavingReader } = await startWithImport(t)
  const rows = Array.from({ length: 6000 }, (_, at) => (at % 2 ? { email: `u${at}@example.com` } : 'bad'))

  const imported = await leavingReader(['import', await file(rows)])
  const exported = await leavingReader(['export'])

  t.match(imported, { code: 1, err: /^3000 imported, 0 already there, 3000 refused\n$/ })
  t.equal((await users()).length, 3000)
  t.match(exported, { code: 0, err: '' })
})

t.test('an export that the disk has no room for ends with a line that says so', async (t) => {
  const { own, file, importing } = await startWithImport(t)
  await importing(await file(Array.from({ length: 500 }, (_, at) => ({ email: `u${at}@example.com` }))))

  const { status, stderr } = spawnSync(process.execPath, [executable, 'users', 'export'], {
    env: { ...process.env, ...own },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8'
  })

  t.equal(status, 1)
  t.match(stderr, /^could not write: ENOSPC/)
  t.notMatch(stderr, /\n\s+at /, 'and no stack')
})

t.test('an export that ends for another reason than its reader is not taken for a whole one', async (t) => {
  const { program, sql } = await startWithImport(t)
  await sql('alter table postern.event rename to another')

  const ended = await program(['export'])

  t.match(ended, { code: 1, out: '', err: /event/ })
})

t.test('an import holds some hundred lines at a time, and ten thousand take seconds', async (t) => {
  const { program, file, sql } = await startWithImport(t)
  const filler = 'x'.repeat(200)
  const path = await file(
    Array.from({ length: 10_000 }, (_value, index) => ({
      email: `${index}@example.com`,
      password_hash: foreign,
      external_id: `${filler}${index}`
    }))
  )

  const ended = await program(['import', path], { NODE_OPTIONS: '--max-old-space-size=48' })

  t.match(ended, { code: 0, out: '10000 imported, 0 already there, 0 refused\n' })
  t.ok(ended.seconds < 30, `${ended.seconds} s`)
  t.strictSame(await sql('select count(*)::int4 as n from postern."user"'), [{ n: 10_000 }])
})

t.test('an export is a file that an import elsewhere makes the same accounts of', async (t) => {
  const peppers = { PASSWORD_PEPPERS: newKey() }
  const [here, there] = [await startWithImport(t, peppers), await startWithImport(t, peppers)]
  const own = await here.ctx.passwords.hash('correct horse battery')
  await here.importing(
    await here.file([
      { email: 'Maya@example.com', password_hash: own, email_verified: true, locale: 'de', external_id: '42' },
      { email: 'noor@example.com', password_hash: foreign },
      { email: 'off@example.com', disabled: true },
      ...Array.from({ length: 2100 }, (_value, index) => ({ email: `${index}@example.com` }))
    ])
  )

  const exported = await here.program(['export'])
  const imported = await there.importing(await there.file([exported.out]))

  t.equal(exported.code, 0)
  t.match(imported, { code: 0, out: '2103 imported, 0 already there, 0 refused\n' })
  t.strictSame(await there.users(), await here.users())
  const ids = 'select id, email_key from postern."user" order by id'
  t.strictSame(await there.sql(ids), await here.sql(ids), 'and what other systems know them by')
  t.ok(await there.ctx.passwords.check('correct horse battery', own))
  t.equal((await here.sql("select from postern.event where kind = 'accounts_exported'")).length, 1)
})

t.test('an account keeps the id that it had elsewhere, and tokens name it by that', async (t) => {
  const { importing, file, api } = await startWithImport(t)
  const id = '6F1D0D9E-4C5E-4B55-9A55-1D7F1F0B2C3D'
  const row = { id, email: 'maya@example.com', password_hash: foreign, email_verified: true }
  const path = await file([row, { id: id.toLowerCase(), email: 'noor@example.com' }, row])

  const ended = await importing(path)
  const signedIn = await api.loginWithPassword({ email: row.email, password: foreignPassword })

  t.match(ended, { code: 1, out: 'line 2: id belongs to another address\n1 imported, 1 already there, 1 refused\n' })
  t.equal(signedIn.body.user.id, id.toLowerCase())
  const claims = JSON.parse(Buffer.from(signedIn.body.access_token.split('.')[1] as string, 'base64url').toString())
  t.equal(claims.sub, id.toLowerCase())
})

t.test('an imported password is good for a sign-in, and hashed our way by it', async (t) => {
  const { importing, file, api, users } = await startWithImport(t)
  const email = 'maya@example.com'
  await importing(await file([{ email, password_hash: foreign, email_verified: true }]))

  const wrong = await api.loginWithPassword({ email, password: `${foreignPassword}!` })
  const first = await api.loginWithPassword({ email, password: foreignPassword })
  const [upgraded] = await users()
  const second = await api.loginWithPassword({ email, password: foreignPassword })

  t.strictSame([wrong.status, first.status, second.status], [401, 200, 200])
  t.match(upgraded, { password_hash: /^\$postern\$v=1\$k=-\$2b\$04\$/ })
})

t.test('a file that is missing or not named is told', async (t) => {
  const { program, importing } = await startWithImport(t)

  t.match(await importing(), { code: 2, err: 'Name the file' })
  t.match(await program(['import', '/nowhere/users.ndjson']), { code: 1, err: 'ENOENT' })
})
