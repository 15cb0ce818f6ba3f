import { readFileSync, writeFileSync } from 'node:fs'
import { defaultOf } from '../src/cli/config.ts'
import { expectation, type SettingSchema, settingsOf } from '../src/lib/env.ts'
import { problemCodes, problems } from '../src/problems.ts'
import { settings } from '../src/settings.ts'

const FILE = new URL('../README.md', import.meta.url)

const cell = (text: string): string => text.replaceAll('|', '\\|')

const settingRow = (name: string, schema: SettingSchema): string => {
  const unit = schema.unit ? `, in ${schema.unit}` : ''
  const form = schema.type === 'string' && !schema.enum ? '' : ` ${sentence(expectation(schema))}${unit}.`
  return `| \`${name}\` | \`${defaultOf(schema)}\` | ${cell(String(schema.description))}${form}${schema.secret ? ' Secret.' : ''} |`
}

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`

/** What stands between `<!-- name -->` and `<!-- end name -->`. */
const sections: Record<string, string> = {
  settings: [
    '| setting | default | meaning |',
    '| --- | --- | --- |',
    ...settingsOf(settings).map(([name, schema]) => settingRow(name, schema))
  ].join('\n'),
  problems: [
    '| code | status | what to do |',
    '| --- | --- | --- |',
    ...problemCodes.map((code) => `| \`${code}\` | ${problems[code].status} | ${cell(problems[code].help)} |`)
  ].join('\n')
}

/** The README with its generated parts made anew. */
export function freshReadme(text: string): string {
  return Object.entries(sections).reduce((result, [name, content]) => {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end ${name} -->`]
    if (!result.includes(start) || !result.includes(end)) throw new Error(`README.md has no place for ${name}`)
    return `${result.slice(0, result.indexOf(start) + start.length)}\n\n${content}\n\n${result.slice(result.indexOf(end))}`
  }, text)
}

if (import.meta.main) {
  const text = readFileSync(FILE, 'utf8')
  const fresh = freshReadme(text)
  if (!process.argv.includes('--check')) writeFileSync(FILE, fresh)
  else if (fresh !== text) {
    console.error('README.md is stale: run `npm run openapi` and commit it.')
    process.exitCode = 1
  }
}
