import { emptyLanes } from '../budget/empty-store.ts'
import { ConfigError } from '../config.ts'
import type { Context } from '../context.ts'
import { sameText } from '../lib/capability.ts'
import { tidyCode } from '../lib/code.ts'
import { maskAddress } from '../lib/email.ts'
import type { TestAddress } from '../lib/test-address.ts'
import type { Challenge } from './schema.ts'
import { findTestAddress, findUsedAddresses } from './test-address-store.ts'

const found = async ({ db }: Context, challengeId: string, among: readonly TestAddress[]) => {
  if (among.length === 0) return undefined
  const values = { id: challengeId, keys: among.map(({ key }) => key), lastDays: among.map(({ lastDay }) => lastDay) }
  const [tested] = await findTestAddress(db, values)
  return among.find(({ key }) => key === tested?.key)
}

/** Whether a code is the fixed one of the challenge's address. Asks the database only if some address has this code. */
export async function isTestCode(ctx: Context, challengeId: string, given: string): Promise<boolean> {
  const typed = tidyCode(given, 'base32')
  const meant = ctx.testAddresses.filter(({ code }) => sameText(code, typed))
  return (await found(ctx, challengeId, meant)) !== undefined
}

/**
 * The length and alphabet of the fixed code when the challenge belongs to a test address; empty for every other.
 *
 * @param emailKey the address, where it is known: then other addresses cost no query
 */
export async function testCodeForm(
  ctx: Context,
  challengeId: string,
  emailKey?: string
): Promise<Partial<Pick<Challenge, 'code_length' | 'code_alphabet'>>> {
  const among = ctx.testAddresses.filter(({ key }) => key === (emailKey ?? key))
  const tested = await found(ctx, challengeId, among)
  if (tested === undefined) return {}
  return { code_length: tested.code.length, code_alphabet: /^\d+$/.test(tested.code) ? 'digits' : 'base32' }
}

/** Lets a test run sign in as often as it likes: lanes bound the mails to an address, and no mail goes to this one. */
export async function openTestLanes(ctx: Context, emailKey: string, addressMac: Buffer): Promise<void> {
  const tested = ctx.testAddresses.find(({ key }) => key === emailKey)
  if (tested !== undefined) await emptyLanes(ctx.db, { addressMac, lastDay: tested.lastDay })
}

/** For the log and for readiness: that fixed codes are in force, without a code or an address. Undefined when there are none. */
export function testModeNotice(testAddresses: readonly TestAddress[]): string | undefined {
  const days = testAddresses.map(({ lastDay }) => lastDay)
  if (days.length === 0) return undefined
  const live = days.filter((day) => day >= new Date().toISOString().slice(0, 10))
  if (live.length === 0) return 'test mode: every fixed code has ended; take TEST_ADDRESSES out'
  const many = live.length === 1 ? '1 address signs in' : `${live.length} addresses sign in`
  return `test mode: ${many} with a fixed code, until ${live.sort().at(-1)} at the latest`
}

/**
 * Refuses a start that would put a fixed code on somebody's real account. Sessions opened by a fixed code have `test`
 * among their methods; any other session, or a password, shows that the account is in use. Throws a ConfigError.
 */
export async function refuseUsedAddresses({ testAddresses, db }: Pick<Context, 'testAddresses' | 'db'>): Promise<void> {
  if (testAddresses.length === 0) return
  const values = { keys: testAddresses.map(({ key }) => key), lastDays: testAddresses.map(({ lastDay }) => lastDay) }
  const used = await findUsedAddresses(db, values)
  if (used.length === 0) return
  throw new ConfigError(
    used.map(
      ({ email, hasPassword }) =>
        `TEST_ADDRESSES names ${maskAddress(email)}, which has ${hasPassword ? 'a password' : 'a session that a mailed code opened'}: use another address, or delete that account`
    )
  )
}
