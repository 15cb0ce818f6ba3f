import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import t from 'tap'
import { passwordsOf } from './hashing.ts'

const isLinux = process.platform === 'linux'

/**
 * Of each thread of this process, by the system's own account (proc(5): the 19th field of `stat`). Elsewhere threads have no
 * priority of their own: that of the process is the only one.
 */
function niceness(): number[] {
  if (!isLinux) return [getPriority()]
  const stat = (id: string) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
  return readdirSync('/proc/self/task').map((id) => Number(stat(id).split(') ')[1]?.split(' ')[16]))
}

t.test('who hashes gives way to everybody else, and nobody else does', async (t) => {
  const before = niceness()
  await passwordsOf(t).hash('correct horse battery staple')
  const [own = Number.NaN] = before
  t.ok(before.every((nice) => nice === own))
  t.strictSame(
    niceness().filter((nice) => nice !== own),
    isLinux && own < 15 ? [15] : [] // who is nicer already stays so
  )
})
