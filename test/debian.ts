import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Another test file may be at it already: `apt-get update` does not wait for its lock, but fails. So they take turns, and a package
 * mirror that stumbles or another program's turn is waited for.
 */
const INSTALL = `
  for attempt in 1 2 3 4 5 6; do
    apt-get -o Acquire::Retries=3 update && apt-get -o DPkg::Lock::Timeout=240 install -y --no-install-recommends "$0" && exit 0
    sleep 5
  done
  exit 1`

/**
 * A program that Debian has, as `look` finds it; installs it when there is none and that can be done.
 *
 * @throws one line that says what is missing
 */
export function debianProgram<T>(name: string, look: () => T | null | undefined): T {
  const there = look()
  if (there != null) return there
  let said = ''
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const words = ['/tmp/postern-install.lock', 'sh', '-c', INSTALL, name]
    const { stderr } = spawnSync('flock', words, { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
    said = stderr?.trim().split('\n').at(-1) ?? ''
  }
  const found = look()
  if (found == null)
    throw new Error(`this test needs the program ${name}: apt-get install ${name} ${said && `(${said})`}`)
  return found
}
