import { writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'
import { milliseconds } from '../lib/time.ts'

/** Seconds until a pipe that is full is looked at again. */
const REST = 0.01
/**
 * Seconds that all else stands still for a reader that takes nothing; after it lines are lost until it reads again. That a full pipe says
 * so, and does not just hold us, is due to Node, which makes it non-blocking as soon as `process.stdout` is looked at: see `run`.
 */
const PATIENCE = 0.5

/**
 * Where a log goes. What it does not take, a full disk or a reader that hangs or is gone, is lost and counted, and the service goes on:
 * pino's own destination ends the process at the first such error, and never returns from its last flush.
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
  `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), lines, msg: 'lines of this log were lost: nobody took them' })}\n`
