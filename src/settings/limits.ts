import Type from 'typebox'
import { list, optional } from './kinds.ts'

/** How much one client may request. The limits on guessing at an account are counted elsewhere, and always on. */
export const limitsSettings = {
  CLIENT_LIMITS: Type.Boolean({
    default: true,
    description: 'Quotas per client and operation. `off` is for tests and benches, and refused in production.'
  }),
  REDIS_URL: optional({
    secret: true,
    description:
      'Redis or Valkey in which all instances count client quotas together, as redis://:password@host:6379 or rediss://.',
    defaultText: 'none: each instance counts for itself'
  }),
  TRUSTED_CALLERS: list(
    'Keys of backends that may speak for a client at another address (X-Postern-Caller-Key, X-Postern-Client-Address): 32 bytes each as base64url.',
    { secret: true }
  )
}
