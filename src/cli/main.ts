import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import type { Act } from '../user/administer.ts'
import { checkConfig, helpText } from './config.ts'

/** `takes` names the one argument that the command accepts; without it the command accepts none. */
type Command = {
  takes?: 'ADDRESS' | 'FILE' | 'ID'
  /** Whether it supports `--check`, which only looks. */
  checks?: true
  /** Returns the exit code, or nothing while the service runs. */
  run: (word: string | undefined, flags: { check: boolean }) => Promise<number | undefined>
}

/** Each command loads its own modules: the service starts faster without those of the others. */
const commands: Record<string, Command> = {
  serve: { run: async () => (await import('./serve.ts')).serve(process.env) },
  migrate: { run: async () => (await import('./migrate.ts')).runMigrations(process.env) },
  'config check': { run: async () => checkConfig(process.env) },
  'keys status': { run: async () => (await import('./keys.ts')).showKeys(process.env) },
  'keys rotate': { run: async () => (await import('./keys.ts')).rotateKeys(process.env) },
  'keys compromised': { takes: 'ID', run: async (id) => (await import('./keys.ts')).compromiseKey(process.env, id) },
  'users show': {
    takes: 'ADDRESS',
    run: async (address) => (await import('./show-user.ts')).showUser(process.env, address)
  },
  'users disable': administering('disable'),
  'users enable': administering('enable'),
  'users end-sessions': administering('end-sessions'),
  'users delete': {
    takes: 'ADDRESS',
    run: async (address) => (await import('./users.ts')).deleteUserAt(process.env, address)
  },
  'users import': { takes: 'FILE', run: async (file) => (await import('./users.ts')).importFile(process.env, file) },
  'users export': { run: async () => (await import('./users.ts')).exportFile(process.env) },
  'mail show': {
    takes: 'ADDRESS',
    run: async (address) => (await import('./mail.ts')).showMails(process.env, address)
  },
  openapi: { checks: true, run: async (_word, flags) => (await import('./openapi.ts')).writeContract(flags) }
}

function administering(act: Act): Command {
  return {
    takes: 'ADDRESS',
    run: async (address) => (await import('./users.ts')).administerUser(process.env, act, address)
  }
}

/** Undefined for an unknown option. It is not printed, because it could be a key that somebody mistook for an id. */
function readWords(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean', default: false } }
    })
  } catch {
    return undefined
  }
}

async function main(args: string[]): Promise<number | undefined> {
  const read = readWords(args)
  if (read === undefined) {
    console.error('Unknown option. Put `--` before an argument that starts with a dash. See --help.')
    return 2
  }
  const { values, positionals } = read
  if (values.help || positionals[0] === 'help') {
    console.log(helpText())
    return 0
  }
  const words = positionals.length === 0 ? ['serve'] : positionals
  const names = [2, 1].map((length) => words.slice(0, length).join(' '))
  const name = names.find((candidate) => Object.hasOwn(commands, candidate))
  const command = name === undefined ? undefined : commands[name]
  if (name === undefined || command === undefined) {
    console.error(`There is no command "${words.join(' ')}". See --help.`)
    return 2
  }
  const [word, ...more] = words.slice(name.split(' ').length)
  if (more.length > 0 || (word !== undefined && command.takes === undefined)) {
    console.error(
      `"${name}" takes ${command.takes === undefined ? 'no argument' : `only one ${command.takes}`}. See --help.`
    )
    return 2
  }
  // Somebody who asks for a dry run must not get the real thing.
  if (values.check && command.checks === undefined) {
    console.error(`"${name}" does not support --check; nothing was done. See --help.`)
    return 2
  }
  return await command.run(word, { check: values.check })
}

/** Runs the command that the arguments name, or the service when there are none; sets the exit code. */
export async function run(args: string[]): Promise<void> {
  // A reader that stops after the first lines, as `head` does, must not abort the command.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || process.exitCode) return
    console.error(`could not write: ${error.message}`)
    process.exitCode = 1
  })
  try {
    const code = await main(args)
    if (code) process.exitCode = code
  } catch (error) {
    // The operator must be able to read a fault in the settings or what they point at, so it is printed without a stack.
    const told = error instanceof ConfigError || process.env.LOG_LEVEL !== 'debug'
    console.error(told ? (error as Error).message : error)
    process.exitCode = 1
  }
}
