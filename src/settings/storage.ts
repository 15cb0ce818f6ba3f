import Type from 'typebox'
import { DATABASE_OPTIONS } from '../lib/database-url.ts'
import { count, list, optional, seconds } from './kinds.ts'

/** The database and the keys that its secrets are derived from. */
export const storageSettings = {
  DATABASE_URL: optional({
    secret: true,
    description: `Postgres 15 or newer, as postgres://user:password@host:port/database. Without TLS unless its query asks for it: \`?sslmode=verify-full\` checks the server's certificate and name, against the authorities that Node knows or those in the file that \`sslrootcert\` names; \`require\`, \`prefer\` and \`verify-ca\` do the same, with a warning that a later version may check less; \`no-verify\` encrypts and checks nothing. The query may set ${DATABASE_OPTIONS.join(', ')}.`,
    defaultText: 'an embedded Postgres under DATA_DIR'
  }),
  DATABASE_POOL_SIZE: count({
    default: 10,
    minimum: 1,
    maximum: 200,
    description:
      'The most connections an instance opens. Work of several statements gets half of them at the most, but two where there are as many.'
  }),
  DATABASE_STATEMENT_TIMEOUT: seconds({
    default: 5,
    minimum: 1,
    maximum: 60,
    description:
      'Longest a statement may run. Waiting for a lock is limited to half of this. A shutdown cuts off what still runs after 25 seconds.'
  }),
  DATABASE_PREPARED: Type.Boolean({
    default: true,
    description: 'Named prepared statements. Turn off behind PgBouncer before 1.21 in transaction mode.'
  }),
  SECRET_KEYS: list('Master keys, newest first: 32 bytes each as base64url. All secrets are derived from them.', {
    secret: true,
    defaultText: 'generated into DATA_DIR'
  })
}
