import { newId } from '../lib/identifier.ts'
import { monotonicNow } from '../lib/time.ts'
import type { Courier } from './courier.ts'
import type { MailKind } from './store.ts'

/** A mail that the next statement puts into the outbox by `queueMail`. */
export type MailDraft = {
  id: string
  /** RFC 5322 3.6.4; stored in the row, and the same however often the mail is sent. */
  messageId: string
  /** Hands it to the courier, once the statement is committed. @param subjectId the row that it speaks of */
  offer: (subjectId: string) => void
}

/** @param id of the mail's row, where a retry has to meet it */
export type DraftMail = (kind: MailKind, id?: string) => MailDraft

/**
 * Drafts the mails of an instance. Call it right before the statement: the lease in memory counts from here, and must
 * never outlast that of the row.
 *
 * @param host the part of every Message-ID behind the @
 */
export const mailDrafter =
  (courier: Pick<Courier, 'offer'>, host: string): DraftMail =>
  (kind, id = newId()) => {
    const leasedAt = monotonicNow()
    const messageId = `<${id}@${host}>`
    return { id, messageId, offer: (subjectId) => courier.offer({ id, kind, subjectId, messageId }, leasedAt) }
  }
