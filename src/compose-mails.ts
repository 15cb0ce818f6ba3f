import type { Config } from './config.ts'
import type { Db } from './db/tables.ts'
import type { Secrets } from './keys/secrets.ts'
import { parseAddress } from './lib/email.ts'
import type { TestAddress } from './lib/test-address.ts'
import type { Compose, Composed } from './mail/composed.ts'
import type { Renderer } from './mail/render.ts'
import type { MailKind, MailRow } from './mail/store.ts'
import { composeCodeMails } from './otp/mail.ts'
import { composeResetMails } from './password/mail.ts'
import { composeNotices } from './user/notice-mail.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Which feature writes which kind of mail. */
const composers: Record<MailKind, (deps: Deps, rows: readonly MailRow[]) => Promise<Composed[]>> = {
  code: composeCodeMails,
  reset: composeResetMails,
  'password-changed': composeNotices('password-changed'),
  'account-deleted': composeNotices('account-deleted')
}

/** Every kind of mail that the service sends. */
export const mailKinds = Object.keys(composers) as MailKind[]

const isKnown = (kind: string): kind is MailKind => Object.hasOwn(composers, kind)

/** Gives each mail to its feature; test addresses get none. A kind of a newer release is left to instances that know it. */
export function composeMails(deps: Deps, testAddresses: readonly TestAddress[]): Compose {
  const tested = new Set(testAddresses.map(({ key }) => key))
  const unlessTest = (one: Composed): Composed =>
    'mail' in one && tested.has(parseAddress(one.mail.to)?.key ?? '') ? { id: one.id, state: 'dropped' } : one
  return async (rows) => {
    const byKind = Map.groupBy(rows, (row) => row.kind)
    const composed = [...byKind].map(([kind, group]) => (isKnown(kind) ? composers[kind](deps, group) : []))
    return (await Promise.all(composed)).flat().map(unlessTest)
  }
}
