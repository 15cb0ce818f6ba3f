import bcrypt from 'bcryptjs'
import { makeLog } from '../../src/cli/log.ts'
import { readConfig } from '../../src/config.ts'
import { connect } from '../../src/db/connect.ts'
import { Passwords } from '../../src/hashing/passwords.ts'

/** A stored hash as the service makes it at this cost. */
export async function ownHash(cost: number): Promise<string> {
  const log = makeLog('silent')
  const db = connect({
    url: 'postgres://nowhere',
    poolSize: 1,
    statementTimeout: 1,
    prepared: true,
    onIdleError: () => {}
  })
  const passwords = new Passwords({ db, config: readConfig({ BCRYPT_COST: `${cost}`, HASH_THREADS: '1' }), log })
  const hash = await passwords.hash('the right password of somebody')
  await passwords.stop()
  await db.destroy()
  return hash
}

/** What an installation stores that was moved here from elsewhere: hashes of several kinds, some slower than others. */
export const mixture = async (): Promise<string[]> => [
  await ownHash(4),
  bcrypt.hashSync('the right password of somebody', 6),
  `$pbkdf2-sha256$i=3000$${Buffer.alloc(16, 7).toString('base64')}$${Buffer.alloc(32, 7).toString('base64')}`
]
