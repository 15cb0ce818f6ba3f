import type { Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import type { NoticeKind } from './notice-store.ts'

/** What a statement with `queueNotice` wants, and what offers the mail to the courier once it is committed. */
export function promiseNotice(ctx: Context, kind: NoticeKind) {
  const [eventId, noticeId] = [newId(), newId()]
  const messageId = `<${noticeId}@${ctx.mailHost}>`
  return {
    values: { eventId, noticeId, messageId, noticeKeyId: ctx.secrets.ring.newest.id },
    /** @param leasedAt monotonic seconds, read before the statement */
    offer: (leasedAt: number): void =>
      ctx.courier.offer({ id: noticeId, kind, subjectId: eventId, messageId }, leasedAt)
  }
}
