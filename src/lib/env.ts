import { readFileSync } from 'node:fs'
import type { TObject, TSchema } from 'typebox'
import { Check } from 'typebox/schema'
import { edits } from './spelling.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What a settings table may say about a setting besides its JSON schema. */
export type SettingExtras = {
  /** Never printed; may come from the file that `NAME_FILE` names. */
  secret?: true
  unit?: string
  /** What the default is where it is computed. */
  defaultText?: string
}
export type SettingSchema = TSchema & SettingExtras & Record<string, unknown>

export const settingsOf = (table: TObject): [string, SettingSchema][] =>
  Object.entries(table.properties) as [string, SettingSchema][]

/**
 * Reads every setting of the table, collecting faults by their settings' names instead of stopping at the first.
 * An unset or empty variable takes the default, and blanks at the ends of one are nothing; a fault names the setting and never repeats a value.
 */
export function readSettings(
  table: TObject,
  env: Environment
): { values: Record<string, unknown>; faults: ReadonlyMap<string, string> } {
  const faults = new Map<string, string>()
  const values: Record<string, unknown> = {}
  for (const [name, schema] of settingsOf(table)) {
    try {
      const text = textOf(name, schema, env)
      const value = text === undefined ? schema.default : parse(schema, text)
      if (value !== undefined) values[name] = value
      if (text !== undefined && !Check(schema, value)) faults.set(name, `${name} must be ${expectation(schema)}`)
    } catch (error) {
      faults.set(name, `${name}: ${(error as Error).message}`)
    }
  }
  return { values, faults }
}

function textOf(name: string, schema: SettingSchema, env: Environment): string | undefined {
  const file = schema.secret ? env[`${name}_FILE`] : undefined
  if (file && env[name]) throw new Error(`is given twice, by ${name} and by ${name}_FILE`)
  const text = file ? readSecretFile(name, file) : env[name]?.trim()
  return text === '' ? undefined : text
}

function readSecretFile(name: string, file: string): string {
  const text = readWhole(name, file)
  // The operator meant to give a secret, and without some of them, such as PASSWORD_PEPPERS, a start would still succeed.
  if (text === '') throw new Error(`the file that ${name}_FILE names is empty`)
  return text
}

function readWhole(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error(`the file that ${name}_FILE names cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function parse(schema: SettingSchema, text: string): unknown {
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (schema.type === 'array')
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  if (schema.type === 'boolean') return { on: true, off: false }[text.toLowerCase()]
  return text
}

/** What a value must be, in words for error messages and the printed table. */
export function expectation(schema: SettingSchema): string {
  if (schema.type === 'integer') return `a whole number from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'boolean') return 'on or off'
  if (schema.type === 'array') return 'a comma-separated list'
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`
  return 'a string of the right form'
}

/** Variables that are not settings but look like one misspelt, or that name a file for a setting that is not secret. */
export function misspelt(table: TObject, env: Environment): string[] {
  const ours = settingsOf(table)
  const known = ours.flatMap(([name, schema]) => (schema.secret ? [name, `${name}_FILE`] : [name]))
  const open = ours.flatMap(([name, schema]) => (schema.secret ? [] : [`${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => name.length >= 6 && !known.includes(name))
    .flatMap((name) => {
      if (open.includes(name))
        return [`${name} is not a setting; ${name.replace(/_FILE$/, '')} is, and only a secret may come from a file`]
      const meant = known.find((one) => isNear(one, name.toUpperCase()))
      return meant === undefined ? [] : [`${name} is not a setting; ${meant} is`]
    })
}

/**
 * One or two typing errors, three in a long name, as from `PROXIES` to `PROXY`; but not where they turn one word into another, as
 * `URL` in DATABASE_PORT, or a short name, as in PGHOST.
 */
function isNear(ours: string, given: string): boolean {
  if (Math.abs(ours.length - given.length) > 3) return false // a start compares every variable with every setting
  const slips = edits(ours, given)
  if (slips !== 3 || given.length < 12) return slips <= 2 && slips < ours.length / 2
  const [words, others] = [ours.split('_'), given.split('_')]
  return words.length === others.length && words.every((word, at) => edits(word, others[at] ?? '') <= word.length / 2)
}
