import type { Context } from '../context.ts'
import { parseAddress } from '../lib/email.ts'
import type { Environment } from '../lib/env.ts'
import { withContext } from './with-context.ts'

/**
 * As `withContext`, for a command about an address, in the spelling that accounts are found by.
 *
 * @param unnamed what it says, and ends with 2, where there is no word
 */
export async function withAddress(
  env: Environment,
  { address, unnamed }: { address: string | undefined; unnamed: string },
  work: (ctx: Context, emailKey: string) => Promise<number>
): Promise<number> {
  const emailKey = parseAddress(address ?? '')?.key
  if (emailKey !== undefined) return await withContext(env, (ctx) => work(ctx, emailKey))
  console.error(address ? 'This is no email address that anybody can sign in with.' : unnamed)
  return 2
}

/** What commands about an account say where there is none. */
export const NO_ACCOUNT = 'There is no account with this address.'

/** What they say without an address. */
export const UNNAMED_ACCOUNT = 'Name the account by its email address.'
