import { mkdirSync } from 'node:fs'

/** Makes a folder of DATA_DIR, and those above it. Throws an Error that names the setting: Node calls what is read-only missing. */
export function makeDataFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`DATA_DIR: ${path} cannot be made; the folder above it may be read-only (${code})`, {
      cause: error
    })
  }
}
