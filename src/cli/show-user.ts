import { findEventsOf } from '../audit/store.ts'
import { findLimits } from '../budget/limits-store.ts'
import { codeRules } from '../challenge/new-challenge.ts'
import type { Context } from '../context.ts'
import { readStored } from '../hashing/stored.ts'
import type { Environment } from '../lib/env.ts'
import { type AccountAsOperator, findAccount } from '../user/account-store.ts'
import { NO_ACCOUNT, UNNAMED_ACCOUNT, withAddress } from './with-address.ts'

const MOST_EVENTS = 20

/** Prints an account as far as it explains why somebody cannot sign in, and what happened at the address; exit code 1 when there is none. */
export async function showUser(env: Environment, address: string | undefined): Promise<number> {
  return await withAddress(env, { address, unnamed: UNNAMED_ACCOUNT }, async (ctx, emailKey) => {
    const { db, secrets } = ctx
    const [account] = await findAccount(db, { emailKey })
    if (account === undefined) console.error(NO_ACCOUNT)
    else for (const [name, value] of factsOf(account)) console.log(`${name.padEnd(12)}${value}`)
    const addressMac = secrets.addressMac(emailKey)
    for (const line of await limitsOf(ctx, addressMac)) console.log(`${'limit'.padEnd(12)}${line}`)
    const values = { userId: account?.id ?? null, addressMac, most: MOST_EVENTS }
    for (const { at, kind, outcome, network, requestId } of await findEventsOf(db, values))
      console.log(`${at.toISOString()}  ${kind}  ${outcome}  ${network ?? '-'}  ${requestId ?? '-'}`)
    return account === undefined ? 1 : 0
  })
}

function factsOf(account: AccountAsOperator): [name: string, value: string][] {
  const { id, createdAt, verifiedAt, disabledAt, passwordHash, locale, externalId, sessions, lastUsedAt, devices } =
    account
  const since = (moment: Date | null, words: string) =>
    moment === null ? undefined : `${words} ${moment.toISOString()}`
  return [
    ['account', id],
    ['made', createdAt.toISOString()],
    ['state', since(disabledAt, 'disabled since') ?? 'enabled'],
    ['address', since(verifiedAt, 'proven') ?? 'not proven'],
    ['password', passwordHash === null ? 'none' : schemeOf(passwordHash)],
    ['language', locale],
    ...(externalId === null ? [] : [['external id', externalId] as [string, string]]),
    ['sessions', `${sessions} live${since(lastUsedAt, ', the last used') ?? ''}`],
    ['devices', `${devices} trusted`]
  ]
}

/** What failed tries and many mails have led to; nothing where an address is as any other. */
async function limitsOf(ctx: Context, addressMac: Buffer): Promise<string[]> {
  const rules = codeRules(ctx)
  const [limits] = await findLimits(ctx.db, { ...rules, key: addressMac })
  if (limits === undefined) return []
  const { codeLength, guarded } = limits
  // Of strangers' two lanes the one counts that opens last.
  const full = new Map(limits.full.map(({ lane, until }) => [mailsOf(lane), new Date(until).toISOString()]))
  return [
    ...(codeLength > rules.strangersLength ? [`strangers get codes of ${codeLength} characters`] : []),
    ...(guarded ? ['strangers are asked for a code beside the password'] : []),
    ...[...full].map(([mails, until]) => `${mails} before ${until}`)
  ]
}

/** In words what a full lane holds back, and from whom. */
function mailsOf(lane: string): string {
  const [purpose, kind, name] = lane.split(/:(device|network|hour|day)(?::|$)/)
  if (purpose === 'password') return 'no further code after the right password'
  const whom = kind === 'hour' || kind === 'day' ? 'strangers' : `the ${kind} ${name}`
  return `no ${purpose === 'code' ? 'code' : 'link'} for ${whom}`
}

function schemeOf(hash: string): string {
  const read = readStored(hash)
  if (typeof read === 'string') return 'set, in a form that cannot be checked'
  return read.pepper === undefined ? `${read.parsed.scheme}, imported` : read.parsed.scheme
}
