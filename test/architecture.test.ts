import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'

const ROOT = resolve(import.meta.dirname, '../src')

/**
 * The floors of the house, from the ground up; the first pattern that fits a file is its floor. A file imports from its
 * own folder and from lower floors. `only` are the packages a floor may use; without it any.
 */
const floors: { name: string; files: RegExp; only?: RegExp }[] = [
  { name: 'lib', files: /^lib\// },
  { name: 'kinds of setting', files: /^settings\//, only: /^typebox$/ },
  { name: 'settings and problems', files: /^(settings|rules|config|problems)\.ts$/, only: /^typebox$/ },
  { name: 'database', files: /^db\//, only: /^(kysely|pg)(\/|$)/ },
  { name: 'audit and mail stores', files: /^((audit|mail)\/store|budget\/[\w-]+)\.ts$/, only: /^kysely$/ },
  { name: 'account store', files: /^user\/([\w-]+-)?(store|schema)\.ts$/, only: /^(kysely|typebox)$/ },
  {
    name: 'session and challenge stores',
    files: /^(session|challenge|device)\/([\w-]+-)?(store|schema)\.ts$/,
    only: /^(kysely|typebox)$/
  },
  { name: 'what sign-ins have in common', files: /^sign-in\/store\.ts$/, only: /^kysely$/ },
  {
    name: 'services',
    files: /^(mail|keys|limit|hashing|housekeeping)\/(?!routes\.ts)/,
    only: /^(kysely|fast-jwt|nodemailer|liquidjs|pino|bcryptjs|ioredis|croner)(\/|$)/
  },
  { name: 'metrics', files: /^metrics\//, only: /^(pino|prom-client)$/ },
  {
    name: 'sign-in stores, schemas and mails',
    files: /^(otp|password)\/([\w-]+-)?(store|schema|mail)\.ts$/,
    only: /^(kysely|typebox)$/
  },
  { name: 'context', files: /^context\.ts$/, only: /^pino$/ },
  { name: 'account flows', files: /^user\/(?!routes\.ts)/, only: /^$/ },
  { name: 'session and challenge flows', files: /^(session|challenge|device)\/(?!routes\.ts)/, only: /^$/ },
  { name: 'what sign-in flows have in common', files: /^sign-in\//, only: /^$/ },
  { name: 'sign-in flows', files: /^(otp|password)\/(?!routes\.ts)/, only: /^$/ },
  { name: 'routing', files: /^(routing|refresh-cookie)\.ts$/, only: /^(@fastify\/cookie|fastify|typebox)$/ },
  { name: 'routes', files: /^\w+\/routes\.ts$/, only: /^(@fastify\/type-provider-typebox|fastify|typebox)$/ },
  { name: 'composition', files: /^(http\/.+|boot\.ts|compose-mails\.ts|open-metrics\.ts)$/ },
  { name: 'command line', files: /^cli\// }
]

type Import = { from: string; to: string; foreign: boolean }

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|js)$/.test(file))
  .sort()
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const floorOf = (file: string): number => floors.findIndex((floor) => floor.files.test(file))
const folderOf = (file: string): string => dirname(file)

const imports: Import[] = files.flatMap((from) =>
  [...text(from).matchAll(/(?:from\s+|import\s*\(?)'([^'\n]+)'/g)]
    .map((match) => match[1] as string)
    .filter((to) => !to.startsWith('node:') && !builtinModules.includes(to))
    .map((to) =>
      to.startsWith('.')
        ? { from, to: relative(ROOT, resolve(ROOT, folderOf(from), to)), foreign: false }
        : { from, to, foreign: true }
    )
)

t.test('every file has a floor', async (t) => {
  t.strictSame(
    files.filter((file) => floorOf(file) === -1),
    []
  )
})

t.test('a file imports from its own folder and from lower floors', async (t) => {
  const upward = imports
    .filter(
      ({ from, to, foreign }) =>
        !foreign && (floorOf(to) > floorOf(from) || (floorOf(to) === floorOf(from) && folderOf(to) !== folderOf(from)))
    )
    // The composition root is one floor of several folders.
    .filter(
      ({ from, to }) => !(floors[floorOf(from)]?.name === 'composition' && floors[floorOf(to)]?.name === 'composition')
    )

  t.strictSame(
    upward.map(({ from, to }) => `${from} -> ${to}`),
    []
  )
})

t.test('a floor uses the packages it is allowed', async (t) => {
  const wrong = imports.filter(({ from, to, foreign }) => foreign && floors[floorOf(from)]?.only?.test(to) === false)

  t.strictSame(
    wrong.map(({ from, to }) => `${from} -> ${to}`),
    []
  )
})

t.test('a file of lib uses one package at the most', async (t) => {
  const used = Map.groupBy(
    imports.filter(({ from, foreign }) => foreign && from.startsWith('lib/')),
    ({ from }) => from
  )
  const several = [...used].filter(([, all]) => new Set(all.map(({ to }) => to.split('/')[0])).size > 1)

  t.strictSame(
    several.map(([file]) => file),
    []
  )
})

t.test('sign-in methods never import each other, and routes never import a store', async (t) => {
  const methods = /^(otp|password|provider|passkey|totp)\//
  const across = imports.filter(
    ({ from, to }) => methods.test(from) && methods.test(to) && folderOf(from) !== folderOf(to)
  )
  const stores = imports.filter(({ from, to }) => from.endsWith('routes.ts') && to.endsWith('store.ts'))

  t.strictSame(
    [...across, ...stores].map(({ from, to }) => `${from} -> ${to}`),
    []
  )
})

/** Who writes a table: the folder it belongs to, and who may besides. */
const writers: Record<string, string[]> = {
  address_budget: ['budget', 'challenge', 'password'], // an upsert stands in the statement whose ruling it asks for
  challenge: ['challenge', 'otp'],
  decoy: ['hashing'],
  device: ['device'],
  event: ['audit'],
  installation_tally: ['budget'],
  known_network: ['device'],
  mail: ['mail'],
  password_reset: ['password'],
  session: ['session', 'password'], // a change of password keeps its own session
  signing_key: ['keys'],
  user: ['user', 'password'] // whose hash stands in the account's row
}
/** What is past its time, and what a leaked key made: of all tables alike. */
const everywhere = ['housekeeping', 'keys']

t.test('a table is written by the folder it belongs to', async (t) => {
  const written = files.flatMap((file) =>
    [...text(file).matchAll(/(?:insert into|update|delete from) postern\."?(\w+)/g)].map(([, table = '']) => ({
      file,
      table
    }))
  )

  t.ok(written.length > 30)
  t.strictSame(
    written
      .filter(({ file, table }) => ![...(writers[table] ?? []), ...everywhere].includes(folderOf(file)))
      .map(({ file, table }) => `${file} writes ${table}`),
    []
  )
})

t.test('there is no circle', async (t) => {
  const next = Map.groupBy(
    imports.filter(({ foreign }) => !foreign),
    ({ from }) => from
  )
  const circles: string[] = []
  const walk = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    else if (!walked.has(file)) {
      for (const { to } of next.get(file) ?? []) walk(to, [...path, file])
      walked.add(file)
    }
  }
  const walked = new Set<string>()

  for (const file of files) walk(file, [])

  t.strictSame(circles, [])
})

t.test('no file is longer than 200 lines, and none has a name that says nothing', async (t) => {
  const long = files.filter((file) => text(file).split('\n').length > 201)
  const vague = files.filter((file) => /(^|\/)(index|utils?|helpers?|types|common|misc)\.ts$/.test(file))

  t.strictSame({ long, vague }, { long: [], vague: [] })
})

/** What a file takes from others, as `file name`: what it imports by name, and of a file that it loads later each word it contains. */
function takenBy(file: string): string[] {
  const source = readFileSync(file, 'utf8')
  const fileOf = (to: string): string => relative(ROOT, resolve(dirname(file), to))
  const named = [...source.matchAll(/\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+'(\.[^'\n]+)'/g)]
  const later = [...source.matchAll(/\bimport\('(\.[^'\n]+)'\)/g)]
  return [
    ...named.flatMap(([, names = '', to = '']) =>
      [...names.matchAll(/(?:^|,)\s*(?:type\s+)?(\w+)/g)].map(([, name]) => `${fileOf(to)} ${name}`)
    ),
    ...later.flatMap(([, to = '']) => [...new Set(source.match(/\w+/g))].map((word) => `${fileOf(to)} ${word}`))
  ]
}

t.test('what a file exports, another file uses', async (t) => {
  const everywhere = ['src', 'test', 'bench', 'tools', 'migrations'].flatMap((folder) => {
    const top = resolve(ROOT, '..', folder)
    const names = readdirSync(top, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /\.(ts|js)$/.test(name) && !name.includes('node_modules')
    )
    return names.map((name) => join(top, name))
  })
  const taken = new Set(everywhere.flatMap(takenBy))
  const exported = everywhere.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^export (?:async )?(?:const|function\*?|class|type) (\w+)/gm)].map(
      ([, name]) => `${relative(ROOT, file)} ${name}`
    )
  )

  t.ok(exported.length > 500)
  t.strictSame(
    exported.filter((one) => !taken.has(one) && !one.startsWith('../migrations/')), // whose `up` is found by its file
    []
  )
})

t.test('no statement takes whatever columns there are', async (t) => {
  const greedy = files.filter((file) =>
    /\b(select|returning)\s+(\w+\.)?\*|selectAll\(|returningAll\(/i.test(text(file))
  )

  t.strictSame(greedy, [])
})
