import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from '../db/own-server.ts'
import { debianProgram } from '../debian.ts'
import { until } from '../helper.ts'

/** The program that is installed; installs Debian's when there is none. */
function program(): string {
  const names = ['redis-server', 'valkey-server']
  return debianProgram('redis-server', () => names.find((name) => spawnSync(name, ['--version']).status === 0))
}

/** A Redis of the test's own that can be killed, hung and started again on the same port. */
export async function redisServer(t: Test) {
  const name = program()
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'postern-redis-'))
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess
  const start = async (): Promise<void> => {
    const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    child = spawn(name, settings, { stdio: 'ignore' })
    await until(() => command('ping').catch(() => undefined))
  }
  const command = async (word: 'ping' | 'flushall' | 'dbsize' | 'replicaof', ...rest: string[]): Promise<unknown> => {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
    redis.on('error', () => undefined)
    try {
      await redis.connect()
      return await redis.call(word, ...rest)
    } finally {
      redis.disconnect()
    }
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await until(() => child.signalCode !== null || child.exitCode !== null)
  }
  t.teardown(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return { url, start, kill, command, hang: () => child.kill('SIGSTOP'), wake: () => child.kill('SIGCONT') }
}
