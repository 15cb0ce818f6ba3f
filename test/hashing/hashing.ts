import type { Test } from 'tap'
import { makeLog } from '../../src/cli/log.ts'
import { readConfig } from '../../src/config.ts'
import { connect } from '../../src/db/connect.ts'
import { Passwords } from '../../src/hashing/passwords.ts'

/** The service alone, without a database at hand. */
export function passwordsOf(t: Test, settings: Record<string, string> = {}): Passwords {
  const config = readConfig({ BCRYPT_COST: '4', HASH_THREADS: '2', ...settings })
  const db = connect({
    url: 'postgres://nowhere',
    poolSize: 1,
    statementTimeout: 1,
    prepared: true,
    onIdleError: () => {}
  })
  const passwords = new Passwords({ db, config, log: makeLog('silent') })
  t.teardown(async () => {
    await passwords.stop()
    await db.destroy()
  })
  return passwords
}
