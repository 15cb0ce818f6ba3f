import type { Config } from '../config.ts'
import type { Db } from '../db/tables.ts'
import type { Secrets } from '../keys/secrets.ts'
import { HOUR } from '../lib/time.ts'
import { type Composed, composeEach } from '../mail/composed.ts'
import type { Renderer } from '../mail/render.ts'
import type { MailRow } from '../mail/store.ts'
import { findResetMailSubjects, type ResetMailSubject } from './request-reset-store.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Seconds between the request and the mail that are ignored: a one-day link is called that, and not a 23-hour one. */
const WRITING_TIME = 60

/**
 * Writes the mails with links. As with codes, only here do we look up whether an address has an account, and every row is
 * rendered, sent or not. The link leads to the configured page, and contains nothing from the request.
 */
export async function composeResetMails(deps: Deps, rows: readonly MailRow[]): Promise<Composed[]> {
  const subjects = await findResetMailSubjects(deps.db, { ids: rows.map((row) => row.subjectId) })
  return composeEach(rows, subjects, (row, subject) => compose(deps, row, subject))
}

function compose({ config, secrets, renderer }: Deps, row: MailRow, subject: ResetMailSubject): Composed {
  if (subject.dead || subject.expiresIn <= 0 || !secrets.knows(subject.keyId)) return { id: row.id, state: 'expired' }
  const locale = subject.locale ?? subject.accountLocale
  const link = renderer.render('reset', locale, {
    link: `${config.RESET_URL}#token=${secrets.resetToken(subject)}`,
    hours: Math.floor((subject.expiresIn + WRITING_TIME) / HOUR)
  })
  const hasAccount = subject.accountEmail !== null && subject.disabled === false
  if (!hasAccount && config.UNKNOWN_ADDRESS === 'silent') return { id: row.id, state: 'dropped' }
  const content = hasAccount ? link : renderer.render('reset-no-account', locale, {})
  const to = subject.accountEmail ?? subject.typedEmail
  return { id: row.id, mail: { id: row.id, to, messageId: row.messageId, ...content }, goodFor: subject.expiresIn }
}
