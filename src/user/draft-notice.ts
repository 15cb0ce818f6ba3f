import type { Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import type { NoticeKind } from './notice-store.ts'

/** What a statement with `queueNotice` wants, and what offers the mail to the courier once it is committed. */
export function draftNotice(ctx: Context, kind: NoticeKind) {
  const eventId = newId()
  const { id, messageId, offer } = ctx.draftMail(kind)
  return {
    values: { eventId, noticeId: id, messageId, noticeKeyId: ctx.secrets.ring.newest.id },
    offer: (): void => offer(eventId)
  }
}
