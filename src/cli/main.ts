import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { checkConfig, helpText } from './config.ts'

/**
 * Each command gets the words behind its name and returns the exit code, or nothing while the service runs. What it needs is
 * loaded when it is called: the service starts sooner without what only the others use.
 */
const commands: Record<string, (words: string[], flags: { check: boolean }) => Promise<number | undefined>> = {
  serve: async () => (await import('./serve.ts')).serve(process.env),
  migrate: async () => (await import('./migrate.ts')).runMigrations(process.env),
  'config check': async () => checkConfig(process.env),
  'keys status': async () => (await import('./keys.ts')).showKeys(process.env),
  'keys rotate': async () => (await import('./keys.ts')).rotateKeys(process.env),
  'keys compromised': async ([id]) => (await import('./keys.ts')).compromiseKey(process.env, id),
  'users disable': async ([address]) => (await import('./users.ts')).administerUser(process.env, 'disable', address),
  'users enable': async ([address]) => (await import('./users.ts')).administerUser(process.env, 'enable', address),
  'users end-sessions': async ([address]) =>
    (await import('./users.ts')).administerUser(process.env, 'end-sessions', address),
  'users import': async ([file]) => (await import('./users.ts')).importFile(process.env, file),
  'users export': async () => (await import('./users.ts')).exportFile(process.env),
  'mail show': async ([address]) => (await import('./mail.ts')).showMails(process.env, address),
  openapi: async (_words, flags) => (await import('./openapi.ts')).writeContract(flags)
}

async function main(args: string[]): Promise<number | undefined> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean', default: false } }
  })
  if (values.help || positionals[0] === 'help') {
    console.log(helpText())
    return 0
  }
  const words = positionals.length === 0 ? ['serve'] : positionals
  const name = [2, 1].map((length) => words.slice(0, length).join(' ')).find((candidate) => commands[candidate])
  if (name === undefined) {
    console.error(`There is no command "${words.join(' ')}". See --help.`)
    return 2
  }
  return await commands[name]?.(words.slice(name.split(' ').length), { check: values.check })
}

/** Runs the command that the words name, the service when there are none; says by the exit code how it went. */
export async function run(args: string[]): Promise<void> {
  try {
    const code = await main(args)
    if (code !== undefined) process.exitCode = code
  } catch (error) {
    // A fault of the settings or of what they point at is the operator's to read, so it is told without a stack.
    const told = error instanceof ConfigError || process.env.LOG_LEVEL !== 'debug'
    console.error(told ? (error as Error).message : error)
    process.exitCode = 1
  }
}
