import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { checkConfig, helpText } from './config.ts'
import { compromiseKey, rotateKeys, showKeys } from './keys.ts'
import { showMails } from './mail.ts'
import { runMigrations } from './migrate.ts'
import { writeContract } from './openapi.ts'
import { serve } from './serve.ts'
import { administerUser, exportFile, importFile } from './users.ts'

/** Each command gets the words behind its name and returns the exit code, or nothing while the service runs. */
const commands: Record<string, (words: string[], flags: { check: boolean }) => Promise<number | undefined>> = {
  serve: () => serve(process.env),
  migrate: () => runMigrations(process.env),
  'config check': async () => checkConfig(process.env),
  'keys status': () => showKeys(process.env),
  'keys rotate': () => rotateKeys(process.env),
  'keys compromised': ([id]) => compromiseKey(process.env, id),
  'users disable': ([address]) => administerUser(process.env, 'disable', address),
  'users enable': ([address]) => administerUser(process.env, 'enable', address),
  'users end-sessions': ([address]) => administerUser(process.env, 'end-sessions', address),
  'users import': ([file]) => importFile(process.env, file),
  'users export': () => exportFile(process.env),
  'mail show': ([address]) => showMails(process.env, address),
  openapi: (_words, flags) => writeContract(flags)
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

try {
  const code = await main(process.argv.slice(2))
  if (code !== undefined) process.exitCode = code
} catch (error) {
  // A fault of the settings or of what they point at is the operator's to read, so it is told without a stack.
  const told = error instanceof ConfigError || process.env.LOG_LEVEL !== 'debug'
  console.error(told ? (error as Error).message : error)
  process.exitCode = 1
}
