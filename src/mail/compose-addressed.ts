import type { Config } from '../config.ts'
import type { Addressed } from './addressed-store.ts'
import type { Composed } from './composed.ts'
import type { Data } from './fill.ts'
import type { MailTemplate, Renderer } from './render.ts'
import type { MailRow } from './store.ts'

type Deps = { config: Config; secrets: { knows: (keyId: string) => boolean }; renderer: Renderer }

/** A mail as its feature writes it; `otherwise` is written where the address is not one that it is `meant` for. */
type Written = { template: MailTemplate; data: Data; meant: boolean; otherwise: MailTemplate }

/**
 * Composes the mails with codes and links. Only here, and never in a request, do we look up whether an address has an account: its mail
 * goes to the spelling the account has. Every row is rendered, sent or not; what sending takes is left, where a mail is dropped. A row
 * whose subject is gone has expired; one whose key we lack, such as a link of another instance that is mailed again, is left to others.
 */
export function composeAddressed<Subject extends Addressed>(
  deps: Deps,
  rows: readonly MailRow[],
  subjects: readonly Subject[],
  write: (subject: Subject) => Written
): Composed[] {
  const byId = new Map(subjects.map((subject) => [subject.id, subject]))
  return rows.flatMap((row) => {
    const subject = byId.get(row.subjectId)
    if (subject === undefined) return { id: row.id, state: 'expired' as const }
    return deps.secrets.knows(subject.keyId) ? compose(deps, row, subject, write) : []
  })
}

function compose<Subject extends Addressed>(
  { config, renderer }: Deps,
  row: MailRow,
  subject: Subject,
  write: (subject: Subject) => Written
): Composed {
  if (subject.dead || subject.expiresIn <= 0) return { id: row.id, state: 'expired' }
  const locale = subject.locale ?? subject.accountLocale
  const { template, data, meant, otherwise } = write(subject)
  const rendered = renderer.render(template, locale, data)
  if (!meant && config.UNKNOWN_ADDRESS === 'silent') return { id: row.id, state: 'dropped' }
  const content = meant ? rendered : renderer.render(otherwise, locale, {})
  const to = subject.accountEmail ?? subject.typedEmail
  return { id: row.id, mail: { id: row.id, to, messageId: row.messageId, ...content }, goodFor: subject.expiresIn }
}
