import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { eventKinds } from '../src/audit/store.ts'
import { helpText } from '../src/cli/config.ts'
import { readConfig } from '../src/config.ts'
import { connectionSettings } from '../src/db/connect.ts'
import { parseHash } from '../src/hashing/hash-format.ts'
import { settingsOf } from '../src/lib/env.ts'
import { problems } from '../src/problems.ts'
import { settings } from '../src/settings.ts'
import { makeDatabase, testServer } from './database.ts'
import { debianProgram } from './debian.ts'

const ROOT = join(import.meta.dirname, '..')
const pages = globSync(['*.md', 'docs/*.md', 'examples/*/README.md', 'bench/README.md'], { cwd: ROOT })
const text = (page: string): string => readFileSync(join(ROOT, page), 'utf8')
const prose = (page: string): string => text(page).replace(/```[\s\S]*?```/g, '')
const contract = JSON.parse(text('openapi/openapi.json')) as { paths: object }

/** A heading as GitHub names its anchor. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
const anchorsOf = (page: string): string[] =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading as string))

t.test('every link inside the documents leads somewhere', async (t) => {
  t.ok(pages.includes('docs/operate.md') && pages.includes('README.md'))
  for (const page of pages) {
    for (const [, target = ''] of prose(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', fragment] = target.split('#')
      const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path))
      t.ok(existsSync(join(ROOT, file)), `${page}: ${target}`)
      if (fragment !== undefined) t.ok(anchorsOf(file).includes(fragment), `${page}: ${target}`)
    }
  }
})

t.test('every guide can be reached from the README', async (t) => {
  for (const page of pages.filter((page) => page.startsWith('docs/')))
    t.ok(text('README.md').includes(`(${page})`), page)
})

t.test('every npm script and command that a page names exists', async (t) => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
  for (const page of pages) {
    for (const [, script = ''] of text(page).matchAll(/npm run ([\w:-]+)/g))
      t.ok(script in scripts, `${page}: ${script}`)
    for (const [, words = ''] of text(page).matchAll(/npm start -- ([a-z-]+(?: [a-z-]+)?)/g))
      t.ok(helpText().includes(`  ${words}`), `${page}: ${words}`)
  }
})

t.test('what the guides name exists: settings, paths, problems', async (t) => {
  const names = new Set(settingsOf(settings).flatMap(([name]) => [name, `${name}_FILE`]))
  const paths = new Set(Object.keys(contract.paths))
  for (const page of pages.filter((page) => page.startsWith('docs/'))) {
    for (const [, name = ''] of text(page).matchAll(/`([A-Z]{3,}(?:_[A-Z]+)+)[=`]/g))
      t.ok(names.has(name), `${page}: ${name}`)
    for (const [, path = ''] of text(page).matchAll(/(\/v1\/[a-z/]*[a-z])/g)) t.ok(paths.has(path), `${page}: ${path}`)
    for (const [, code = ''] of text(page).matchAll(/`([a-z]+(?:-[a-z]+)*-(?:rejected|required|refused))`/g))
      t.ok(code in problems, `${page}: ${code}`)
  }
})

t.test('the role that a pooler connects as is given what the service sets on a connection', async (t) => {
  const given = text('docs/operate.md').matchAll(/alter role postern set (\w+) = '?([^';]+)'?;/g)

  t.strictSame(
    Object.fromEntries([...given].map(([, name, value]) => [name, value])),
    connectionSettings(readConfig({}).DATABASE_STATEMENT_TIMEOUT)
  )
})

t.test('what the operations guide quotes of logs and answers is what the source says', async (t) => {
  const files = globSync('src/**/*.ts', { cwd: ROOT })
  const source = files.map(text).join('\n')
  const section = text('docs/operate.md').split('## Something is wrong\n')[1]?.split('\n## ')[0] ?? ''
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
  const quotes = rows.flatMap((row) =>
    [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, quote]) => quote as string)
  )

  t.ok(rows.length > 12 && rows.every((row) => row.split(' | ').length === 3))
  for (const quote of quotes) for (const piece of quote.split('…')) t.ok(source.includes(piece.trim()), quote)
})

t.test('the guide has a row for every kind of event, and for no other', async (t) => {
  const section = text('docs/operate.md').split('## The audit\n')[1]?.split('\n## ')[0] ?? ''
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .slice(1)
  const named = rows.flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, kind]) => kind))

  t.strictSame(named.toSorted(), [...eventKinds].sort())
})

t.test('what the guide makes of the exports of Firebase and Auth0 are lines of an import', async (t) => {
  debianProgram('jq', () => (spawnSync('jq', ['--version']).status === 0 ? true : undefined))
  const section = text('docs/operate.md').split('## Moving in\n')[1] ?? ''
  const recipes = [...section.matchAll(/^\$ (jq [^`]*) \w+\.json > users\.ndjson$/gm)].map(([, recipe = '']) => recipe)
  const made = (recipe: string, given: object): { password_hash: string } =>
    JSON.parse(spawnSync('bash', ['-c', recipe], { input: JSON.stringify(given), encoding: 'utf8' }).stdout)
  const [firebase = '', auth0 = ''] = recipes
  const signer = Buffer.alloc(64).toString('base64')
  const account = {
    localId: 'xY',
    email: 'maya@example.com',
    emailVerified: true,
    passwordHash: signer,
    salt: '42xEC+ix'
  }
  const bcrypt = '$2b$10$5Lc.vIfbmTFULfi6bvS.t.7PAV.NzjgBkTK33yCaF3Qxat0ghHhQK'
  const parameters = firebase.replace('MEM_COST', '14').replace('ROUNDS', '8').replace('SALT_SEPARATOR', 'Bw==')

  const one = made(parameters.replace('SIGNER_KEY', signer), { users: [account, { localId: 'phone' }] })
  const two = made(auth0, {
    _id: { $oid: '60425d' },
    email: account.email,
    email_verified: false,
    passwordHash: bcrypt
  })

  t.match(one, { email: account.email, email_verified: true, disabled: null, external_id: 'xY' })
  t.match(parseHash(one.password_hash), { scheme: 'fbscrypt', cost: 2 ** 14, blocks: 8 })
  t.match(two, { email: account.email, email_verified: false, external_id: 'auth0|60425d', password_hash: bcrypt })
})

t.test(
  'what the guide makes of the accounts of Supabase are lines of an import, and who was banned stays out',
  async (t) => {
    const [, select = ''] = /psql "\$SUPABASE_URL" -Atc "([^"]+)"/.exec(text('docs/operate.md')) ?? []
    const database = await makeDatabase((await testServer()).url)
    t.teardown(() => database.drop())
    await database.sql('create schema auth')
    await database.sql(`create table auth.users as select
    gen_random_uuid() as id, name || '@example.com' as email, now() as email_confirmed_at, '' as encrypted_password,
    case name when 'eve' then now() + interval '1 year' end as banned_until, null::timestamptz as deleted_at
    from unnest('{maya,eve}'::text[]) as name`)

    const lines = (await database.sql(select)).map(({ json_build_object: line }) => line)

    t.match(lines, [
      { email: 'maya@example.com', email_verified: true, disabled: null, password_hash: null },
      { email: 'eve@example.com', disabled: true }
    ])
  }
)
