import type { Config } from '../config.ts'
import type { Db } from '../db/tables.ts'
import type { Secrets } from '../keys/secrets.ts'
import { MINUTE } from '../lib/time.ts'
import { type Composed, composeEach } from '../mail/composed.ts'
import type { Renderer } from '../mail/render.ts'
import type { MailRow } from '../mail/store.ts'
import { type CodeMailSubject, findCodeMailSubjects } from './store.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Seconds between the request and the mail that are ignored: a ten-minute code is called that, and not a nine-minute one. */
const WRITING_TIME = 15

/**
 * Writes the mails with codes. Only here, and never in a request, do we look up whether an address has an account:
 * its mail goes to the spelling the account has. Every row is rendered, sent or not; what sending takes is left, where a mail is dropped.
 */
export async function composeCodeMails(deps: Deps, rows: readonly MailRow[]): Promise<Composed[]> {
  const subjects = await findCodeMailSubjects(deps.db, { ids: rows.map((row) => row.subjectId) })
  return composeEach(rows, subjects, (row, subject) => compose(deps, row, subject))
}

function compose({ config, secrets, renderer }: Deps, row: MailRow, subject: CodeMailSubject): Composed {
  if (subject.used || subject.expiresIn <= 0 || !secrets.knows(subject.keyId)) return { id: row.id, state: 'expired' }
  const challenge = {
    keyId: subject.keyId,
    id: subject.id,
    form: { length: subject.codeLength, alphabet: subject.codeAlphabet }
  }
  const locale = subject.locale ?? subject.accountLocale
  const code = renderer.render('code', locale, {
    code: secrets.code(challenge),
    reference: secrets.reference(challenge),
    minutes: Math.max(1, Math.floor((subject.expiresIn + WRITING_TIME) / MINUTE))
  })
  const mayStart = subject.accountEmail === null ? config.SIGNUP === 'open' : subject.disabled === false
  if (!mayStart && config.UNKNOWN_ADDRESS === 'silent') return { id: row.id, state: 'dropped' }
  const content = mayStart ? code : renderer.render('no-account', locale, {})
  const to = subject.accountEmail ?? subject.typedEmail
  return { id: row.id, mail: { id: row.id, to, messageId: row.messageId, ...content }, goodFor: subject.expiresIn }
}
