import { readFileSync, writeFileSync } from 'node:fs'
import { defaultOf } from '../src/cli/config.ts'
import { expectation, type SettingSchema, settingsOf } from '../src/lib/env.ts'
import { DAY } from '../src/lib/time.ts'
import { problemCodes, problems } from '../src/problems.ts'
import { accountsSettings } from '../src/settings/accounts.ts'
import { codesSettings } from '../src/settings/codes.ts'
import { limitsSettings } from '../src/settings/limits.ts'
import { mailSettings } from '../src/settings/mail.ts'
import { newPasswordsSettings } from '../src/settings/new-passwords.ts'
import { passwordsSettings } from '../src/settings/passwords.ts'
import { retentionSettings } from '../src/settings/retention.ts'
import { serviceSettings } from '../src/settings/service.ts'
import { sessionsSettings } from '../src/settings/sessions.ts'
import { storageSettings } from '../src/settings/storage.ts'
import { settings } from '../src/settings.ts'

const FILE = new URL('../README.md', import.meta.url)

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** Nobody reads 2592000 as 30 days. */
const inDays = (seconds: number): string =>
  seconds < DAY || seconds % DAY !== 0 ? '' : seconds === DAY ? ' (1 day)' : ` (${seconds / DAY} days)`

/** As it may be typed, in code; what describes a computed or an absent default, in prose. */
function defaultCell(schema: SettingSchema): string {
  const told = defaultOf(schema)
  if (schema.defaultText !== undefined || (Array.isArray(schema.default) && schema.default.length === 0)) return told
  return `\`${told}\`${schema.unit === 'seconds' ? inDays(Number(told)) : ''}`
}

function settingRow(name: string, schema: SettingSchema): string {
  const unit = schema.unit ? `, in ${schema.unit}` : ''
  const must = sentence(expectation(schema))
  const expected = schema.unit === 'seconds' ? must.replace(/\d+/g, (figure) => figure + inDays(Number(figure))) : must
  const form = schema.type === 'string' && !schema.enum ? '' : ` ${expected}${unit}.`
  return `| \`${name}\` | ${cell(defaultCell(schema))} | ${cell(String(schema.description))}${form}${schema.secret ? ' Secret.' : ''} |`
}

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`

/** Headings over the tables of `src/settings/`, in the order in which a reader needs them. */
const groups: [heading: string, table: object][] = [
  ['Where it runs', serviceSettings],
  ['Database and keys', storageSettings],
  ['Mail', mailSettings],
  ['Accounts', accountsSettings],
  ['Codes', codesSettings],
  ['How passwords are kept', passwordsSettings],
  ['New passwords and links to them', newPasswordsSettings],
  ['Sessions and trusted devices', sessionsSettings],
  ['Client quotas', limitsSettings],
  ['Retention', retentionSettings]
]

function settingsTable(heading: string, table: object): string {
  const rows = settingsOf(settings).flatMap(([name, schema]) => (name in table ? [settingRow(name, schema)] : []))
  return [`### ${heading}`, '', '| setting | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function settingsTables(): string {
  const forgotten = settingsOf(settings).filter(([name]) => !groups.some(([, table]) => name in table))
  if (forgotten.length > 0)
    throw new Error(`no heading of the README has ${forgotten.map(([name]) => name).join(', ')}`)
  return groups.map(([heading, table]) => settingsTable(heading, table)).join('\n\n')
}

/** What stands between `<!-- name -->` and `<!-- end name -->`. */
const sections: Record<string, string> = {
  settings: settingsTables(),
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
