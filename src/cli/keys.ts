import type { Context } from '../context.ts'
import { pages } from '../db/pages.ts'
import type { Db } from '../db/tables.ts'
import { findPeppers } from '../hashing/store.ts'
import { endEverything } from '../keys/end-everything.ts'
import { missingKeys, missingKeysNotice } from '../keys/missing-keys.ts'
import { overlapOf, rotateSigningKeys } from '../keys/rotate.ts'
import { findDeviceKeys, findKeyUses } from '../keys/store.ts'
import { keyIdOf } from '../lib/capability.ts'
import type { Environment } from '../lib/env.ts'
import { withContext } from './with-context.ts'

/** Devices that are looked through in one statement: some tenths of a second. */
const DEVICES_AT_ONCE = 100_000

/**
 * Lists every master key and pepper that is configured or in use; exit code 1 when one in use is not configured. A key that only
 * devices name is shown and may be missing: they lose their trust with it, and nothing else does.
 */
export async function showKeys(env: Environment): Promise<number> {
  return await withContext(env, async ({ db, secrets, config }) => {
    const needed = await findKeyUses(db, {})
    const devices = (await deviceKeys(db)).map((keyId) => ({ keyId, kind: 'device' }))
    const uses = Map.groupBy([...needed, ...devices], (use) => use.keyId)
    const ids = new Set([...secrets.ring.ids, ...uses.keys()])
    for (const id of ids) {
      const place = secrets.ring.ids.indexOf(id)
      const role = place === 0 ? 'makes and verifies' : place > 0 ? 'verifies' : 'MISSING from SECRET_KEYS'
      const kinds = uses
        .get(id)
        ?.map((use) => use.kind)
        .join(', ')
      console.log(`${id}  ${role}; ${kinds === undefined ? 'not in use' : `in use by: ${kinds}`}`)
    }
    const peppersKnown = await showPeppers({ db, config })
    return peppersKnown && needed.every(({ keyId }) => secrets.knows(keyId)) ? 0 : 1
  })
}

async function deviceKeys(db: Db): Promise<string[]> {
  const found = new Set<string>()
  for await (const { keyIds } of pages((afterId) => findDeviceKeys(db, { afterId, most: DEVICES_AT_ONCE })))
    for (const id of keyIds) found.add(id)
  return [...found]
}

async function showPeppers({ db, config }: Pick<Context, 'db' | 'config'>): Promise<boolean> {
  const used = (await findPeppers(db, {})).map(({ id }) => id)
  const ours = config.PASSWORD_PEPPERS.map((pepper) => keyIdOf(Buffer.from(pepper, 'base64url')))
  for (const id of new Set([...ours, ...used])) {
    const role = id === ours[0] ? 'hashes and checks' : ours.includes(id) ? 'checks' : 'MISSING from PASSWORD_PEPPERS'
    console.log(`${id}  pepper: ${role}; ${used.includes(id) ? 'in use by: password' : 'not in use'}`)
  }
  return used.every((id) => ours.includes(id))
}

/** Publishes a new signing key, which signs after the JWKS' max-age; the old ones verify until their tokens have run out. */
export async function rotateKeys(env: Environment): Promise<number> {
  return await withContext(env, async ({ db, secrets, config }) => {
    const notice = missingKeysNotice(await missingKeys({ db, secrets }))
    if (notice !== undefined) {
      console.error(
        `${notice}. Nothing was done: run it with the SECRET_KEYS of the service, or nobody could use the new key.`
      )
      return 1
    }
    const overlap = overlapOf(config)
    const kid = await rotateSigningKeys(db, secrets, overlap)
    console.log(`The key ${kid} is published and starts signing in ${overlap.publish} seconds.`)
    return 0
  })
}

/**
 * Responds to a leaked master key: ends its codes, every session and all trust, and replaces the signing keys at once.
 * The key must no longer be the first one, so that nothing new is made with it.
 */
export async function compromiseKey(env: Environment, id: string | undefined): Promise<number> {
  return await withContext(env, async ({ db, secrets, config }) => {
    if (id === undefined || !/^[0-9a-f]{8}$/.test(id)) {
      console.error('Name the key by its id, eight hex digits; `keys status` lists them.')
      return 2
    }
    if (id === secrets.ring.newest.id) {
      console.error(
        `${id} still makes new secrets. Put another key in front of it in SECRET_KEYS on every instance first.`
      )
      return 1
    }
    const known = new Set([...secrets.ring.ids, ...(await findKeyUses(db, {})).map(({ keyId }) => keyId)])
    if (!known.has(id) && !(await deviceKeys(db)).includes(id)) {
      console.error(
        `No key ${id} is configured or in use, and nothing was ended. There are: ${[...known].join(', ')}. If you already removed the key from SECRET_KEYS, put it back behind the newest one first.`
      )
      return 1
    }
    await rotateSigningKeys(db, secrets, { publish: 0, verify: 0 })
    const ended = await endEverything(db, { keyId: id, newestKeyId: secrets.ring.newest.id })
    console.log(
      `Ended all ${ended.sessions} sessions and ${ended.challenges} open codes of ${id}, and forgot all devices; within 30 seconds every instance signs access tokens by a new key.`
    )
    console.log(
      `Now take ${id} out of SECRET_KEYS. Services that fetch the JWKS again refuse the access tokens issued until now; the last of them expires in ${config.ACCESS_TOKEN_TTL} seconds.`
    )
    return 0
  })
}
