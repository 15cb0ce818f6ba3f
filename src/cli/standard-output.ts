import { writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'
import { milliseconds } from '../lib/time.ts'

/** Seconds until a full pipe is tried again. */
const REST = 0.01
/**
 * Seconds that everything waits for a reader that takes nothing; after that, lines are lost until it reads again. A full pipe
 * reports itself instead of blocking us because Node makes it non-blocking as soon as `process.stdout` is accessed: see `run`.
 */
const PATIENCE = 0.5

/**
 * Where the log goes. Lines that cannot be written (a full disk, a reader that hangs or is gone) are lost and counted, and the
 * service goes on: pino's own destination ends the process at the first such error, and never returns from its last flush.
 *
 * @param write as `fs.writeSync` to a descriptor; gives the bytes taken
 */
export function standardOutput(write: (bytes: Buffer) => number = (bytes) => writeSync(1, bytes)): DestinationStream {
  let lost = 0
  let torn = false // a line of which only the beginning was taken

  const put = (line: string): boolean => {
    let waited = lost > 0 ? PATIENCE : 0
    for (let rest = Buffer.from(torn ? `\n${line}` : line); rest.length > 0; ) {
      try {
        const taken = write(rest)
        torn = taken < rest.length
        rest = rest.subarray(taken)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= PATIENCE) return false
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds(REST))
        waited += REST
      }
    }
    return true
  }

  return {
    write: (line) => {
      if (lost > 0 && put(lossOf(lost))) lost = 0
      if (lost > 0 || !put(line)) lost += 1
    }
  }
}

const lossOf = (lines: number): string =>
  `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), lines, msg: 'log lines were dropped because standard output was blocked' })}\n`
