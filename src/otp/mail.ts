import type { Config } from '../config.ts'
import type { Db } from '../db/tables.ts'
import type { Secrets } from '../keys/secrets.ts'
import { MINUTE } from '../lib/time.ts'
import { composeAddressed } from '../mail/compose-addressed.ts'
import type { Composed } from '../mail/composed.ts'
import type { Renderer } from '../mail/render.ts'
import type { MailRow } from '../mail/store.ts'
import { findCodeMailSubjects } from './store.ts'

type Deps = { db: Db; config: Config; secrets: Secrets; renderer: Renderer }

/** Seconds between the request and the mail that are ignored: a ten-minute code is called that, and not a nine-minute one. */
const WRITING_TIME = 15

/** Writes the mails with codes. */
export async function composeCodeMails(deps: Deps, rows: readonly MailRow[]): Promise<Composed[]> {
  const { config, secrets } = deps
  const subjects = await findCodeMailSubjects(deps.db, { ids: rows.map((row) => row.subjectId) })
  return composeAddressed(deps, rows, subjects, (subject) => {
    const challenge = {
      keyId: subject.keyId,
      id: subject.id,
      form: { length: subject.codeLength, alphabet: subject.codeAlphabet }
    }
    return {
      template: 'code',
      data: {
        code: secrets.code(challenge),
        reference: secrets.reference(challenge),
        minutes: Math.max(1, Math.floor((subject.expiresIn + WRITING_TIME) / MINUTE))
      },
      meant: subject.accountEmail === null ? config.SIGNUP === 'open' : subject.disabled === false,
      otherwise: 'no-account'
    }
  })
}
