import { type Environment, misspelt, readSettings } from './lib/env.ts'
import { rules, type Settings } from './rules.ts'
import { settings } from './settings.ts'

/** The settings in force: the table's values, with the computed defaults filled in. */
export type Config = Settings &
  Required<Pick<Settings, 'HOST' | 'PUBLIC_URL' | 'TOKEN_AUDIENCE' | 'MAIL_FROM' | 'RESET_URL'>>

/** Every fault of a configuration at once, by the settings' names. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `The settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** Reads the environment; throws a ConfigError that lists every fault and no secret. */
export function readConfig(env: Environment): Config {
  const { values, faults } = readSettings(settings, env)
  const read = values as Settings
  const all = [...faults.values(), ...rules(read, faults)]
  if (all.length > 0) throw new ConfigError([...all, ...misspelt(settings, env)])
  const publicUrl = new URL(read.PUBLIC_URL ?? `http://localhost:${read.PORT}`).origin // as browsers and verifiers of tokens spell it
  return {
    ...read,
    HOST: read.HOST ?? (read.NODE_ENV === 'production' ? '0.0.0.0' : '127.0.0.1'),
    PUBLIC_URL: publicUrl,
    TOKEN_AUDIENCE: read.TOKEN_AUDIENCE ?? publicUrl,
    ...(read.NODE_ENV !== 'production' && { CHANGE_PASSWORD_URL: read.CHANGE_PASSWORD_URL ?? `${publicUrl}/#forgot` }),
    RESET_URL: read.RESET_URL ?? `${publicUrl}/reset-password.html`,
    MAIL_FROM: read.MAIL_FROM ?? `"${read.BRAND_NAME}" <no-reply@${new URL(publicUrl).hostname}>`
  }
}

/** Variables that look like a misspelt setting: worth a line in the log of an otherwise valid start. */
export const suspiciousNames = (env: Environment): string[] => misspelt(settings, env)

export const isProduction = (config: Config): boolean => config.NODE_ENV === 'production'
