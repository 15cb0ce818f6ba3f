import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { keyIdOf } from '../../src/lib/capability.ts'

/** The command itself. */
export const program = fileURLToPath(new URL('../../src/cli/postern.js', import.meta.url))

/** The id that a master key goes by. */
export const idOf = (key: string): string => keyIdOf(Buffer.from(key, 'base64url'))

/**
 * Runs a command as an operator would, in a process of its own; answers what it said, and the seconds it took.
 *
 * @param atFirstWords gets its standard output as soon as something comes
 */
export async function postern(
  words: string[],
  settings: Record<string, string>,
  atFirstWords?: (out: Readable) => void
) {
  const begun = performance.now()
  const { PATH, HOME, TMPDIR } = process.env
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH, HOME, TMPDIR, NODE_ENV: 'test', ...settings },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  if (atFirstWords !== undefined) child.stdout.once('data', () => atFirstWords(child.stdout))
  const said = atFirstWords === undefined ? text(child.stdout) : ''
  const [out, err, code] = await Promise.all([said, text(child.stderr), ended])
  return { code, out, err, seconds: (performance.now() - begun) / 1000 }
}
