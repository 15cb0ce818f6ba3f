/**
 * The yardstick of passwords: as many threads as there are cores, each doing the service's own hash in a loop and nothing
 * else. A process of its own: its argument is the hash, each message a number of seconds, each answer the hashes a second.
 */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { perform } from '../src/hashing/compute.ts'
import { type ParsedHash, parseHash } from '../src/hashing/hash-format.ts'
import { lowerThreadPriority } from '../src/hashing/thread-priority.ts'
import { SECRET } from './members.ts'

function serve(hash: string): void {
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(import.meta.filename, { workerData: hash })
  )
  const answer = (thread: Worker): Promise<number> => new Promise((resolve) => thread.once('message', resolve))
  process.on('message', async (seconds: string) => {
    const answers = threads.map(answer)
    for (const thread of threads) thread.postMessage(Number(seconds))
    const rates = await Promise.all(answers)
    process.send?.(rates.reduce((sum, rate) => sum + rate))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}

function work(hash: string): void {
  lowerThreadPriority() // as the service's threads do, so that whatever else the machine has to do takes as much from either
  const task = { check: parseHash(hash) as ParsedHash, secrets: [SECRET] }
  parentPort?.on('message', (seconds: number) => {
    const start = performance.now()
    let hashes = 0
    for (; performance.now() - start < seconds * 1000; hashes++) if (!perform(task)) throw new Error('not the password')
    parentPort?.postMessage((hashes * 1000) / (performance.now() - start))
  })
}

if (isMainThread) serve(process.argv[2] as string)
else work(workerData as string)
