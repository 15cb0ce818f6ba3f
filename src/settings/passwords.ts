import Type from 'typebox'
import { choice, count, list } from './kinds.ts'

/** How passwords are kept. */
export const passwordsSettings = {
  PASSWORD_HASH: choice(
    ['bcrypt', 'argon2id'],
    'bcrypt',
    'How new passwords are hashed; `argon2id` (19 MiB, 2 passes) is faster and stronger. Existing hashes are replaced at the next login.'
  ),
  BCRYPT_COST: count({
    default: 10,
    minimum: 4,
    maximum: 14,
    description: 'Work of one bcrypt hash: one more doubles it. At least 10 in production.'
  }),
  PASSWORD_PEPPERS: list(
    'Keys that passwords are hashed with, newest first: 32 bytes each as base64url. A stolen database alone is then not enough to guess passwords. Keep each pepper until `keys status` no longer lists it as in use.',
    { secret: true }
  ),
  HASH_THREADS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 64,
      description: 'Threads that hash; they start with the first password.',
      defaultText: 'as many as there are cores'
    })
  ),
  HASH_QUEUE: count({
    default: 200,
    minimum: 1,
    maximum: 10_000,
    description:
      'Passwords that may wait for a thread; one more is refused with 503, as is one that has waited for ten seconds.'
  })
}
