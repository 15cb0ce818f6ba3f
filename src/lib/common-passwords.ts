import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const FILE = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json')

let list: Promise<Buffer> | undefined

/**
 * Whether a password is among the 49,000 that are guessed first, in any case. The list stays in memory as the bytes of its file,
 * half a megabyte read at the first call: as a set of strings it would take ten times that.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  list ??= readFile(FILE)
  const word = password.toLowerCase()
  return !/["\\,]/.test(word) && (await list).includes(`"${word}"`)
}
