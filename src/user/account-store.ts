import { sql } from 'kysely'
import { statement } from '../db/statement.ts'
import { unendedOf } from './store.ts'

/** An account as an operator asks for it. The hash is for its scheme, and is not to be shown. */
export type AccountAsOperator = {
  id: string
  createdAt: Date
  verifiedAt: Date | null
  disabledAt: Date | null
  passwordHash: string | null
  locale: string
  externalId: string | null
  /** Live sessions, and when one of them was last used. */
  sessions: number
  lastUsedAt: Date | null
  devices: number
}

export const findAccount = statement(
  { emailKey: 'text' },
  ({ emailKey }) => sql<AccountAsOperator>`
    select u.id, u.created_at as "createdAt", u.email_verified_at as "verifiedAt", u.disabled_at as "disabledAt",
      u.password_hash as "passwordHash", u.locale, u.external_id as "externalId",
      live.sessions, live.used as "lastUsedAt",
      (select count(*)::int4 from postern.device as d where d.email_key = u.email_key and d.expires_at > now()) as devices
    from postern."user" as u, lateral (
      select count(*)::int4 as sessions, max(s.last_used_at) as used from postern.session as s
      where ${unendedOf(sql`u.id`)} and s.credential_version = u.credential_version and u.disabled_at is null
    ) as live
    where u.email_key = ${emailKey}`
)
