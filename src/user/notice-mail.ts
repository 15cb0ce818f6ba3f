import type { Db } from '../db/tables.ts'
import { agentName } from '../lib/agent.ts'
import type { Composed } from '../mail/composed.ts'
import type { Renderer } from '../mail/render.ts'
import type { MailRow } from '../mail/store.ts'
import { findNoticeSubjects, type NoticeKind, type NoticeSubject } from './notice-store.ts'

type Deps = { db: Db; renderer: Renderer }

/** Writes the mails that tell people what happened to their account: when, and from which kind of client. */
export const composeNotices =
  (kind: NoticeKind) =>
  async ({ db, renderer }: Deps, rows: readonly MailRow[]): Promise<Composed[]> => {
    const subjects = await findNoticeSubjects(db, { mailIds: rows.map((row) => row.id) })
    const byId = new Map(subjects.map((subject) => [subject.mailId, subject]))
    return rows.map((row) => {
      const subject = byId.get(row.id)
      if (subject === undefined || subject.to === null) return { id: row.id, state: 'expired' }
      const content = renderer.render(kind, subject.locale, dataOf(subject))
      return { id: row.id, mail: { id: row.id, to: subject.to, messageId: row.messageId, ...content } }
    })
  }

/** The minute in UTC, written as every language reads it: the service does not know the reader's time zone. */
const dataOf = ({ at, agent }: NoticeSubject) => ({
  time: `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  client: agentName(agent)
})
