/** The database cannot do its work now; the same request may succeed later. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super(`the database is not available: ${(cause as Error)?.message ?? cause}`, { cause })
    this.name = 'DatabaseUnavailable'
  }
}

/** No SQLSTATE class begins with E, but many system errors do: EPIPE has five letters too. */
export const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown })?.code
  return typeof code === 'string' && /^(?!E)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Serialization failure, deadlock: another try sees the other side finished. */
export const mayRepeat = (error: unknown): boolean => ['40001', '40P01'].includes(sqlState(error) ?? '')

/** The lock timeout passed. */
export const isLockRefusal = (error: unknown): boolean => sqlState(error) === '55P03'

/** Either of them; they differ because waiting for a lock again would keep a connection from everybody else. */
export const isConflict = (error: unknown): boolean => mayRepeat(error) || isLockRefusal(error)

/** The database cannot be reached, or somebody else holds what is asked for: the same may work in a moment. */
export const isOutage = (error: unknown): boolean => error instanceof DatabaseUnavailable || isConflict(error)

/** A write to a read-only database. */
export const isReadOnlyRefusal = (error: unknown): boolean => sqlState(error) === '25006'

/** The values themselves could not be written (22 data exception, 23 constraint): whatever else is well, they never will be. */
export const isFaultOfValues = (error: unknown): boolean => /^2[23]/.test(sqlState(error) ?? '')

/** For `catch`: another statement has made the same row first, and this one was undone. Throws everything else. */
export function undefinedOnUniqueViolation(error: unknown): undefined {
  if (sqlState(error) !== '23505') throw error
}

/** The statement behind a name went stale (its result type changed, or a pooler switched servers). */
export const isStaleStatement = (error: unknown): boolean => ['0A000', '26000', '42P05'].includes(sqlState(error) ?? '')

/**
 * Connection (08), resources (53), operator intervention (57), system (58), the server's own failure or a pooler's (XX), read-only
 * standby (25006), a transaction that the server ended for its silence or its length (25P03, 25P04), and wrong or withdrawn
 * credentials (28, 3D): the fault of the database's state or of the moment, not of the statement.
 */
const OUTAGE = /^(08|28|3D|53|57|58|XX)|^25(006|P03|P04)$/

/** An error without an SQLSTATE never reached the server or lost it on the way. */
export function asFailure(error: unknown): unknown {
  const state = sqlState(error)
  if (error instanceof TypeError || error instanceof DatabaseUnavailable) return error
  return state === undefined || OUTAGE.test(state) ? new DatabaseUnavailable(error) : error
}
