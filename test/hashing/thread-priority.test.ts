import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { passwordsOf } from './hashing.ts'

/** Of each thread of this process, by the system's own account (proc(5): the 19th field of `stat`). */
function niceness(): number[] {
  const stat = (id: string) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
  return readdirSync('/proc/self/task').map((id) => Number(stat(id).split(') ')[1]?.split(' ')[16]))
}

t.test('who hashes gives way to everybody else', async (t) => {
  if (process.platform !== 'linux') return // elsewhere threads have no priority of their own
  const before = niceness()
  await passwordsOf(t).hash('correct horse battery staple')
  const [own = Number.NaN] = before
  t.ok(before.every((nice) => nice === own))
  t.strictSame(
    niceness().filter((nice) => nice !== own),
    own < 15 ? [15] : [] // who is nicer already stays so
  )
})
