import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import t from 'tap'
import { passwordsOf } from './hashing.ts'

const isLinux = process.platform === 'linux'

/**
 * Of each thread of this process by its number, by the system's own account (proc(5): the 19th field of `stat`). Elsewhere threads
 * have no priority of their own: that of the process is the only one.
 */
function niceness(): Map<string, number> {
  if (!isLinux) return new Map([['process', getPriority()]])
  const stat = (id: string) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
  return new Map(readdirSync('/proc/self/task').map((id) => [id, Number(stat(id).split(') ')[1]?.split(' ')[16])]))
}

t.test('who hashes gives way to everybody else, and nobody else does', async (t) => {
  const before = niceness()
  const own = getPriority()
  await passwordsOf(t).hash('correct horse battery staple')
  const changed = [...niceness()].filter(([id, nice]) => nice !== (before.get(id) ?? own))
  t.strictSame(
    changed.map(([, nice]) => nice),
    isLinux && own < 15 ? [15] : [] // who is nicer already stays so
  )
})
