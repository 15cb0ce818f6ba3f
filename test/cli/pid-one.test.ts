import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const program = join(import.meta.dirname, '../../src/cli/postern.js')

/** Has a process take itself for the first of a container, to which the kernel gives no signal that it does not listen for. */
const FIRST = 'data:text/javascript,Object.defineProperty(process, "pid", { value: 1 })'

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  t.test(`a command that is PID 1 listens for ${signal}, and ends by it`, async (t) => {
    const silent = createServer().listen(0, '127.0.0.1') // a database that never answers
    await once(silent, 'listening')
    t.teardown(() => silent.close())
    const url = `postgres://postern@127.0.0.1:${(silent.address() as AddressInfo).port}/postern`
    const env = { PATH: process.env.PATH, NODE_ENV: 'test', DATABASE_URL: url }
    const child = spawn(process.execPath, ['--import', FIRST, program, 'migrate'], { env, stdio: 'ignore' })
    t.teardown(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')

    await once(silent, 'connection')
    child.kill(signal)

    t.strictSame(await ended, [128 + constants.signals[signal], null], 'by itself, and not by the kernel')
  })
