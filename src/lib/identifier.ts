import { createHash, randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'
import { DAY, milliseconds } from './time.ts'

export const ID_BYTES = 16
/** Random bytes fetched from the system in bulk: 16 at a time cost every request several microseconds. */
const pool = Buffer.alloc(256 * ID_BYTES)
let drawn = pool.length

function freshRandom(): Buffer {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += ID_BYTES
  return pool.subarray(drawn - ID_BYTES, drawn)
}

/** Below every id: where a walk over rows by their ids begins. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** Where an id is made before it is spelt: a fresh array for each would be most of what making one costs. */
const fresh = Buffer.alloc(ID_BYTES)

/** A fresh row id: UUIDv7, so that new rows land at the end of an index. */
export const newId = (): string => idFromBytes(v7({ random: freshRandom() }, fresh))

/**
 * A row id that the same inputs always give (UUIDv8, RFC 9562 5.8): a retry meets the row its first try made.
 * Not a secret: what an id opens is guarded by a MAC over it.
 */
export function derivedId(...parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  const bytes = hash.digest().subarray(0, ID_BYTES)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return idFromBytes(bytes)
}

export type DailyIds = [today: string, yesterday: string, tomorrow: string]

/**
 * The ids of a row that a retry must find: the one that the same inputs give on this UTC day, for a new row, and those of the
 * days before and after, for a row made by a try before midnight or by an instance whose clock is ahead. Rows must be kept for a
 * full day after the day they were made, or an id could come back once its row is gone.
 */
export function idsOfDays(...parts: readonly string[]): DailyIds {
  const idIn = (days: number): string => {
    const day = new Date(Date.now() + milliseconds(days * DAY)).toISOString().slice(0, 10)
    return derivedId(day, ...parts)
  }
  return [idIn(0), idIn(-1), idIn(1)]
}

export const idToBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')

export function idFromBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
