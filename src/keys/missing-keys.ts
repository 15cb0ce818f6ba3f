import type { Db } from '../db/tables.ts'
import { sharedLook } from '../lib/shared-look.ts'
import { Problem } from '../problems.ts'
import type { Secrets } from './secrets.ts'
import { findKeyUses, type KeyUse } from './store.ts'

/** Seconds a look stands, so that tokens which name keys of somebody's invention do not make the database work. */
const KEPT = 1
/** The most of a connection's time that such looks may take: each reads all codes, links and mails that live. */
const LOOKING = 0.2

/** Whose refusal is which. */
const kindOf = { 'code-rejected': 'challenge', 'reset-rejected': 'reset', 'refresh-rejected': 'refresh' } as const

type Deps = { db: Db; secrets: Secrets }

const looks = new WeakMap<Db, () => Promise<KeyUse[]>>()

/** What live rows need of the master keys that this instance lacks. */
export const missingKeys = async ({ db, secrets }: Deps): Promise<KeyUse[]> =>
  (await findKeyUses(db, {})).filter(({ keyId }) => !secrets.knows(keyId))

/** What operators are told of keys that are missing; undefined when none is. */
export const missingKeysNotice = (uses: readonly KeyUse[]): string | undefined =>
  uses.length === 0
    ? undefined
    : `SECRET_KEYS lacks keys in use: ${uses.map(({ keyId, kind }) => `${keyId} (${kind})`).join(', ')}`

/** Shared: it may take long where there are many rows. */
function lookOf(deps: Deps): Promise<KeyUse[]> {
  const look = looks.get(deps.db) ?? sharedLook(KEPT, () => missingKeys(deps), LOOKING)
  looks.set(deps.db, look)
  return look()
}

/**
 * Why a token that cannot be read is refused: for good by `code`, unless it names a key that is in use and that this instance
 * lacks. Another instance can read that one, and so can this one once it is configured: `unavailable`, or people were signed out.
 */
export async function refusalOf(deps: Deps, token: string, code: keyof typeof kindOf): Promise<Problem> {
  const foreign = deps.secrets.foreignKeyOf(kindOf[code], token)
  if (foreign === undefined) return new Problem(code)
  const isInUse = (await lookOf(deps)).some(({ keyId }) => keyId === foreign)
  return new Problem(isInUse ? 'unavailable' : code)
}
