import { MINUTE, monotonicNow } from '../lib/time.ts'

/** Seconds for which a session is remembered as ended; the database is asked about it again at the latest then. */
const REMEMBERED = 10 * MINUTE
/** Some 2 MB when full; the oldest are forgotten first. */
const MOST_SESSIONS = 20_000

/**
 * Sessions whose genuine tokens were refused: they have ended. Their tokens have no quota of their own any more, or whoever has signed
 * in and out a thousand times would have a thousand.
 */
export class EndedSessions {
  readonly #forgottenAt = new Map<string, number>()

  note(session: string): void {
    this.#forgottenAt.delete(session)
    this.#forgottenAt.set(session, monotonicNow() + REMEMBERED)
    if (this.#forgottenAt.size > MOST_SESSIONS)
      this.#forgottenAt.delete(this.#forgottenAt.keys().next().value as string)
  }

  /** What was refused for another reason than its end, such as a clock that runs ahead, has its quota again. */
  forget(session: string): void {
    this.#forgottenAt.delete(session)
  }

  has(session: string): boolean {
    return (this.#forgottenAt.get(session) ?? 0) > monotonicNow()
  }
}
