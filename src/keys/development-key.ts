import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDataFolder } from '../lib/data-folder.ts'

/** The master key of a development instance: made once, kept in the data folder, readable by its owner only. */
export function developmentKey(dataDir: string): string {
  const file = join(dataDir, 'secret-key')
  try {
    makeDataFolder(dataDir)
    writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8').trim()
}
