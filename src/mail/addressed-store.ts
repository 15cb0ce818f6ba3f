import { sql } from 'kysely'

/** What a mail with a code or a link speaks of, and its recipient: the account's own spelling where there is one. */
export type Addressed = {
  id: string
  keyId: string
  locale: string | null
  typedEmail: string
  accountEmail: string | null
  accountLocale: string | null
  disabled: boolean | null
  /** Seconds the code or the link is still good for. */
  expiresIn: number
  /** Whether it opens nothing any more, however much time is left. */
  dead: boolean
}

/** The columns of `Addressed` but `dead`, from the challenge or reset `made` and `u`, the account of its address if there is one. */
export const addressedView = sql`
  made.id, made.key_id as "keyId", made.locale, made.email as "typedEmail", u.email as "accountEmail", u.locale as "accountLocale",
  u.disabled_at is not null as disabled, extract(epoch from made.expires_at - now())::float8 as "expiresIn"`
