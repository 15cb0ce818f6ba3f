import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

/** Runs what follows as PID 1 of a namespace of its own, as a container does; not every machine grants that. */
const asPidOne = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--']
const granted = spawnSync('unshare', [...asPidOne, 'true']).status === 0
const program = join(import.meta.dirname, '../../src/cli/postern.js')

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  t.test(
    `${signal} ends a command that is PID 1`,
    { skip: !granted && 'this machine grants no namespace' },
    async (t) => {
      const silent = createServer().listen(0, '127.0.0.1') // a database that never answers
      await once(silent, 'listening')
      t.teardown(() => silent.close())
      const url = `postgres://postern@127.0.0.1:${(silent.address() as AddressInfo).port}/postern`
      const env = { PATH: process.env.PATH, NODE_ENV: 'test', DATABASE_URL: url }
      const outer = spawn('unshare', [...asPidOne, process.execPath, program, 'migrate'], { env, stdio: 'ignore' })
      t.teardown(() => outer.kill('SIGKILL'))
      const ended = once(outer, 'exit')

      await once(silent, 'connection')
      process.kill(Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8')), signal)

      t.strictSame(await ended, [128 + constants.signals[signal], null])
    }
  )
