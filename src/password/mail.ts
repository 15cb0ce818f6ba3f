import type { Config } from '../config.ts'
import type { Db } from '../db/tables.ts'
import type { Secrets } from '../keys/secrets.ts'
import { HOUR } from '../lib/time.ts'
import { composeAddressed } from '../mail/compose-addressed.ts'
import type { Composed } from '../mail/composed.ts'
import type { Renderer } from '../mail/render.ts'
import type { MailRow } from '../mail/store.ts'
import { findResetMailSubjects } from './request-reset-store.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Seconds between the request and the mail that are ignored: a one-day link is called that, and not a 23-hour one. */
const WRITING_TIME = 60

/** Writes the mails with links. The link leads to the configured page, and contains nothing from the request. */
export async function composeResetMails(deps: Deps, rows: readonly MailRow[]): Promise<Composed[]> {
  const { config, secrets } = deps
  const subjects = await findResetMailSubjects(deps.db, { ids: rows.map((row) => row.subjectId) })
  return composeAddressed(deps, rows, subjects, (subject) => ({
    template: 'reset',
    data: {
      link: `${config.RESET_URL}#token=${secrets.resetToken(subject)}`,
      hours: Math.floor((subject.expiresIn + WRITING_TIME) / HOUR)
    },
    meant: subject.accountEmail !== null && subject.disabled === false,
    otherwise: 'reset-no-account'
  }))
}
