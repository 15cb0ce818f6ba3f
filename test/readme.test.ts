import { readFileSync } from 'node:fs'
import t from 'tap'
import { freshReadme } from '../tools/readme.ts'

const file = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const readme = file('README.md')
const { scripts } = JSON.parse(file('package.json')) as { scripts: Record<string, string> }

t.test('the tables in the README are those of the source', async (t) => {
  t.equal(readme, freshReadme(readme), 'npm run openapi, then commit')
})

t.test('the first screen has one command that starts the service and one that runs the tests', async (t) => {
  const screen = readme.split('\n').slice(0, 40).join('\n')

  t.match(screen, /<!-- start command -->\n```console\n\$ npm ci && npm start\n```/)
  t.match(screen, /<!-- test command -->\n```console\n\$ npm ci && npm test\n```/)
})

t.test('every npm script and command that the documents name exists', async (t) => {
  const help = file('src/cli/config.ts')
  for (const document of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) {
    for (const [, script] of file(document).matchAll(/npm run ([\w:]+)/g))
      t.ok(scripts[script as string], `${document}: ${script}`)
    for (const [, words] of file(document).matchAll(/npm start -- ([a-z]+(?: [a-z]+)?)/g)) {
      t.ok(help.includes(`  ${words}`), `${document}: ${words}`)
    }
  }
})

t.test('every page and every file that the documents link to exists', async (t) => {
  const headings = [...readme.matchAll(/^## (.+)$/gm)].map(([, heading]) =>
    (heading as string).toLowerCase().replaceAll(' ', '-')
  )
  for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
    const name = target as string
    if (name.startsWith('#')) t.ok(headings.includes(name.slice(1)), name)
    else t.ok(file(name), name)
  }
})
