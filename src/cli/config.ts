import { isProduction, readConfig, suspiciousNames } from '../config.ts'
import { type Environment, expectation, type SettingSchema, settingsOf } from '../lib/env.ts'
import { settings } from '../settings.ts'

const COMMANDS = `Usage: npm start -- [command]

  serve                       run the service (default)
  migrate                     bring the database schema up to date and end
  config check                check the settings, print what is in force, and end
  keys status                 which master keys and peppers are still in use, and by what
  keys rotate                 start using a new key for signing access tokens
  keys compromised ID         after a master key leaked: end every session, and the codes and links it made
  users show ADDRESS          an account, and what happened to it in the last two days
  users disable ADDRESS       close an account and end its sessions
  users enable ADDRESS        open it again
  users end-sessions ADDRESS  sign it out everywhere
  users delete ADDRESS        delete it and all that belongs to it, and tell the address
  users import FILE           make an account of each line of a file; report the lines that were refused
  users export                print every account as such a line, with its password hash
  mail show ADDRESS           what happened to the mails to an address
  openapi [--check]           write openapi/openapi.json, or only check that it is up to date
  --help                      this text

Settings are environment variables. Each marked (secret) may come from the file that NAME_FILE names.
`

/** What `--help` prints: the commands, and every setting with its meaning, form and default. */
export const helpText = (): string =>
  COMMANDS +
  settingsOf(settings)
    .map(
      ([name, schema]) => `\n${name}${schema.secret ? ' (secret)' : ''}\n    ${schema.description}\n    ${form(schema)}`
    )
    .join('\n')

const form = (schema: SettingSchema): string => {
  const must = expectation(schema)
  return `${must[0]?.toUpperCase()}${must.slice(1)}${schema.unit ? ` (${schema.unit})` : ''}. Default: ${defaultOf(schema)}.`
}

/** A setting's default as a reader expects it, in words where it is computed. */
export const defaultOf = (schema: SettingSchema): string => schema.defaultText ?? (written(schema.default) || 'none')

/** A value as the environment has it: `on` and not `true`; empty where there is none. */
function written(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value ?? '')
}

/** Prints the settings in force, secrets as set or not; throws the same error a start would, for settings or mail templates. */
export async function checkConfig(env: Environment): Promise<number> {
  const read = readConfig(env)
  const { rendererOf } = await import('../mail/renderer-of.ts') // loaded only here: --help does without it
  await rendererOf(read)
  const config = read as Record<string, unknown>
  for (const [name, schema] of settingsOf(settings)) {
    const text = written(config[name])
    console.log(`${name}=${schema.secret ? (text === '' ? '(not set)' : '(set)') : text}`)
  }
  for (const hint of suspiciousNames(env)) console.error(hint)
  console.log(`\nThe settings are in order${isProduction(read) ? ' for production' : ', for development'}.`)
  return 0
}
