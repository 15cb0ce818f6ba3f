import type { Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import type { NoticeKind } from './notice-store.ts'

/** The parameters of a statement with `queueNotice`, and the function that offers the mail to the courier after the commit. */
export function draftNotice(ctx: Context, kind: NoticeKind) {
  const eventId = newId()
  const { id, messageId, offer } = ctx.draftMail(kind)
  return {
    values: { eventId, noticeId: id, messageId, noticeKeyId: ctx.secrets.ring.newest.id },
    offer: (): void => offer(eventId)
  }
}
