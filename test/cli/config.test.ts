import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { settingsOf } from '../../src/lib/env.ts'
import { settings } from '../../src/settings.ts'
import { production } from '../production.ts'

type Ended = { code: number; stdout: string; stderr: string }

/** Runs the command line with no setting but these. */
function postern(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const program = join(import.meta.dirname, '../../src/cli/postern.js')
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr })
    )
  })
}

t.test('`config check` tells by its exit code whether a start would work', async (t) => {
  const good = await postern(['config', 'check'], { ...production(), SMPT_URL: 'x' })
  const bad = await postern(['config', 'check'], { NODE_ENV: 'production', PORT: 'x', SMPT_URL: 'x' })

  t.equal(good.code, 0)
  t.match(good.stdout, 'PUBLIC_URL=https://auth.example.com\n')
  t.match(good.stdout, 'in order for production')
  t.match(good.stderr, 'SMPT_URL is not a setting; SMTP_URL is')
  t.equal(bad.code, 1)
  for (const name of ['PORT', 'PUBLIC_URL', 'DATABASE_URL', 'SMTP_URL', 'SECRET_KEYS', 'SMPT_URL'])
    t.match(bad.stderr, new RegExp(`^  ${name} `, 'm'))
})

t.test('`config check` prints what is in force, in the form in which it would be set', async (t) => {
  const { code, stdout } = await postern(['config', 'check'], {
    CORS_ORIGINS: 'https://a.example, https://b.example',
    CLIENT_LIMITS: 'off'
  })

  t.equal(code, 0)
  for (const line of [
    'CORS_ORIGINS=https://a.example,https://b.example',
    'TRUSTED_PROXIES=',
    'MAIL_TEMPLATES_DIR=',
    'CLIENT_LIMITS=off',
    'SMTP_URL=(not set)',
    'TRUSTED_CALLERS=(not set)',
    'The settings are in order, for development.'
  ])
    t.ok(stdout.split('\n').includes(line), line)
})

t.test('no command prints the value of a secret', async (t) => {
  const hidden = { SMTP_URL: 'hunter2', SECRET_KEYS: 'hunter2', DATABASE_URL: 'postgres://root:hunter2@db/x' }

  const refused = await postern(['config', 'check'], hidden)
  const printed = await postern(['config', 'check'], { ...production(), DATABASE_URL: hidden.DATABASE_URL })

  t.equal(refused.code, 1)
  t.equal(printed.code, 0)
  for (const name of Object.keys(hidden)) t.match(printed.stdout, `${name}=(set)\n`)
  for (const { stdout, stderr } of [refused, printed]) t.notMatch(stdout + stderr, 'hunter2')
  t.notMatch(printed.stdout, 'postgres://')
})

t.test('a start with bad settings ends at once with every fault in one message', async (t) => {
  const ended = await postern([], { NODE_ENV: 'production', CODE_TTL: '6000' })

  t.equal(ended.code, 1)
  t.equal(ended.stdout, '')
  t.match(ended.stderr, /^The settings have 6 faults:\n( {2}[A-Z_]+ .+\n){6}$/)
})

t.test('`config check` finds what a start would stumble over in the mails', async (t) => {
  for (const [settings, told] of [
    [{ MAIL_TEMPLATES_DIR: '/nonexistent' }, '/nonexistent cannot be read'],
    [{ DEFAULT_LOCALE: 'pt' }, 'pt is the default language'],
    [{ MAIL_FROM: 'Shop: Berlin <a@acme.com>' }, 'MAIL_FROM must be an address'],
    [{ MAIL_FROM: 'a@acme.com, b@acme.com' }, 'MAIL_FROM must be an address'],
    [{ BRAND_NAME: 'Acme\\' }, 'BRAND_NAME must be 1 to 60 characters without quotes, brackets or backslashes']
  ] as [Record<string, string>, string][])
    t.match(await postern(['config', 'check'], { ...production(), ...settings }), { code: 1, stderr: told })
  for (const MAIL_FROM of ['no-reply@münchen.de', '"Shop: Berlin" <a@acme.com>', 'Shop Berlin <a@acme.com>'])
    t.match(await postern(['config', 'check'], { ...production(), MAIL_FROM }), { code: 0 })
})

t.test('--help prints every setting with its meaning and default', async (t) => {
  const { code, stdout } = await postern(['--help'])

  t.equal(code, 0)
  for (const [name, schema] of settingsOf(settings)) {
    const entry = stdout.slice(stdout.search(new RegExp(`^${name}( \\(secret\\))?$`, 'm'))).split('\n')
    t.equal(entry[0], schema.secret ? `${name} (secret)` : name)
    t.equal(entry[1]?.trim(), schema.description)
    t.match(entry[2], /Default: .+\.$/)
  }
})

t.test('`help` is a way to ask for it too, and an option that does not exist is not repeated', async (t) => {
  const [help, option] = [await postern(['help']), await postern(['keys', 'compromised', '-hunter2'])]

  t.match(help, { code: 0, stdout: /^Usage: / })
  t.match(option, { code: 2, stdout: '', stderr: /^Unknown option/ })
  t.notMatch(option.stderr, 'hunter2')
})

t.test('a command that does not exist is told and ends with an exit code of its own', async (t) => {
  const { code, stderr } = await postern(['sevre'])

  t.equal(code, 2)
  t.match(stderr, 'There is no command "sevre"')
  for (const name of ['toString', '__proto__', 'constructor'])
    t.match(await postern([name]), { code: 2, stderr: `There is no command "${name}"` })
})

t.test('a command with words too many does nothing: half of what was meant would look like all of it', async (t) => {
  for (const [words, told] of [
    ['users disable one@example.com two@example.com', '"users disable" takes only one ADDRESS.'],
    ['users import one.ndjson two.ndjson', '"users import" takes only one FILE.'],
    ['users export out.ndjson', '"users export" takes no argument.'],
    ['config check extra', '"config check" takes no argument.'],
    ['serve now', '"serve" takes no argument.']
  ] as const)
    t.match(await postern(words.split(' ')), { code: 2, stdout: '', stderr: told })
})

t.test(
  '`--check` where there is no such thing does nothing: who means a dry run would get the real thing',
  async (t) => {
    for (const words of ['', 'serve', 'migrate', 'keys rotate', 'users disable maya@example.com', 'config check']) {
      const { code, stdout, stderr } = await postern([...words.split(' ').filter(Boolean), '--check'], { PORT: 'x' })
      const name = words.replace(/ \S+@.*/, '') || 'serve'
      t.strictSame(
        { code, stdout, stderr },
        { code: 2, stdout: '', stderr: `"${name}" does not support --check; nothing was done. See --help.\n` }
      )
    }
    t.match(await postern(['openapi', '--check']), { code: 0 })
  }
)
