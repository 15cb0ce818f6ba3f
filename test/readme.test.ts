import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { freshReadme } from '../tools/readme.ts'
import { debianProgram } from './debian.ts'
import { start } from './helper.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const bash = (script: string): Promise<{ stdout: string; status: number | string | undefined }> =>
  new Promise((resolve) =>
    execFile('bash', ['-c', script], { timeout: 60_000 }, (error, stdout) =>
      resolve({ stdout, status: error === null ? 0 : (error.code ?? 'killed') })
    )
  )

t.test('the tables in the README are those of the source', async (t) => {
  t.equal(readme, freshReadme(readme), 'npm run openapi, then commit')
})

t.test('the table of settings shows values as code, descriptions as prose, and long durations in days', async (t) => {
  const row = (name: string) => readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))

  t.match(row('SESSION_IDLE_TTL'), '| `2592000` (30 days) |')
  t.match(row('SESSION_IDLE_TTL'), 'from 3600 to 34560000 (400 days), in seconds.')
  t.match(row('RESET_TTL'), '| `86400` (1 day) |')
  t.match(row('CODE_TTL'), '| `600` |')
  t.match(row('HOST'), '| 127.0.0.1; in production 0.0.0.0 |')
  t.match(row('CORS_ORIGINS'), '| none |')
})

t.test('the first screen has one command that starts the service and one that runs the tests', async (t) => {
  const screen = readme.split('\n').slice(0, 40).join('\n')

  t.match(screen, /<!-- start command -->\n```console\n\$ npm ci && npm start\n```/)
  t.match(screen, /<!-- test command -->\n```console\n\$ npm ci && npm test\n```/)
})

t.test('both journeys in curl, word for word, end where they should', async (t) => {
  const { url } = await start(t)
  debianProgram('jq', () => (spawnSync('jq', ['--version']).status === 0 ? true : undefined))
  debianProgram('curl', () => (spawnSync('curl', ['--version']).status === 0 ? true : undefined))
  const journeys = ['The journey in curl', 'The journey with a password'].map((name) => readme.split(`## ${name}\n`)[1])
  const lines = journeys.flatMap((text) => text?.split('```console\n')[1]?.split('```')[0]?.split('\n') ?? [])
  const commands = lines.filter((line, at) => line.startsWith('$ ') || lines[at - 1]?.endsWith('\\'))
  const script = commands
    .map((line) => line.replace(/^\$ /, '').replaceAll('localhost:3000', new URL(url).host))
    .join('\n')
  const expected = lines.filter((line) => /^\{"(sessions_ended|expires_in)":\d+\}$/.test(line))

  const { stdout, status } = await bash(script)

  t.equal(status, 0)
  const answers = stdout.replaceAll('}{', '}\n{').split('\n')
  t.ok(expected.length > 2)
  t.strictSame(
    answers.filter((line) => expected.includes(line)),
    expected
  )
  t.match(stdout, '"email_hint":"m•••@example.com"')
  t.match(stdout, /"sessions_ended":1,"device_token":"dev_/)
  t.notMatch(stdout, '"status":', 'and nothing was refused on the way')
})
