import type { Config } from './config.ts'
import type { Db } from './db/tables.ts'
import type { Secrets } from './keys/secrets.ts'
import type { Compose, Composed } from './mail/courier.ts'
import type { Renderer } from './mail/render.ts'
import type { MailRow } from './mail/store.ts'
import { composeCodeMails } from './otp/mail.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Which feature writes which kind of mail. */
const composers: Record<string, (deps: Deps, rows: readonly MailRow[]) => Promise<Composed[]>> = {
  code: composeCodeMails
}

/** Gives each mail to the feature it belongs to. A kind of a newer release is left to instances that know it. */
export function composeMails(deps: Deps): Compose {
  return async (rows) => {
    const byKind = Map.groupBy(rows, (row) => row.kind)
    const composed = [...byKind].map(([kind, group]) => composers[kind]?.(deps, group) ?? [])
    return (await Promise.all(composed)).flat()
  }
}
