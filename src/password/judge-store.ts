import { sql } from 'kysely'
import { askedBy, record } from '../audit/store.ts'
import { freshRow, lastJudged, passwordColumns, passwordRow, passwordRuling } from '../budget/store.ts'
import { askingNetwork, trustedAmong } from '../budget/trust.ts'
import { batched } from '../db/batch.ts'
import { type RowOf, rowsOf } from '../db/rows.ts'
import { statement, type Values } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import {
  type SignedIn,
  signedInAt,
  signedInView,
  signInColumns,
  signInParameters,
  signingIn
} from '../sign-in/store.ts'

const amr = sql`'{pwd}'::text[]`

/** The verdict on a password. Without a session it was refused, or is not enough (`guarded`). */
type Judged = SignedIn & {
  guarded: boolean
  overtaken: boolean
}

/** Whether the password was right, as an upsert sees it: the row to insert for a wrong one carries its charge. */
const wasRight = sql`(excluded.password_level = 0 and excluded.pools = '{}')`

/** One password that was checked against a hash; a statement takes many of them. */
const guesses = rowsOf({
  ...signInColumns,
  emailKey: 'text',
  addressMac: 'bytea',
  right: 'bool',
  outcome: 'text', // what the event says when no session is opened
  known: 'bool',
  userId: 'uuid',
  version: 'int4',
  knownDeviceId: 'uuid?',
  knownSeedHash: 'bytea?',
  eventId: 'uuid',
  requestId: 'text'
})
/** One password, and the rules that are the same for all of them. */
type PasswordGuess = RowOf<typeof guesses.columns> & { rules: Values<typeof signInParameters> }

/**
 * Judges passwords that were checked against their hashes: charges a wrong one to the address, whether or not it has an account,
 * and opens or renews a session for a right one, under the version that was read with the hash. The user's row is read `for
 * share`: a reset under way is waited for, and then its new version is seen. What `guarded` says binds both: nobody learns
 * whether a password is right while strangers may not sign in by it alone. In lock order: budget, user, session.
 */
const judgePasswords = statement({ ...guesses.parameters, ...signInParameters }, (slots) => {
  const first = passwordRuling({ ...freshRow, pool: sql`trusted.pool`, from: askingNetwork }, sql`asked."right"`)
  return sql<Judged & { place: number }>`
      with asked as (${guesses.asked(slots)}),
      trusted as (${trustedAmong}),
      budget as (
        insert into postern.address_budget as b (key, ${passwordColumns})
        select asked.address_mac, ${passwordColumns}
        from asked join trusted using (place) cross join lateral (${first}) as first
        order by asked.address_mac
        on conflict (key) do update set (${passwordColumns}) = (
          select ${passwordColumns} from (${passwordRuling(passwordRow, wasRight)}) as next)
        returning key, last_guarded as guarded, last_before as before
      ),
      spent as (
        select asked.place, asked.email_key, trusted.device_id, asked.known_seed_hash as shown_seed_hash
        from asked join trusted using (place)
      ),
      owner as (
        select asked.place, u.id, u.email, u.email_verified_at, u.password_hash, u.credential_version, u.locale, u.created_at
        from asked join budget on budget.key = asked.address_mac join postern."user" as u on u.id = asked.user_id
        where asked.known and asked."right" and not budget.guarded
          and u.credential_version = asked.version and u.disabled_at is null
          and (select count(*) from budget) >= 0 -- all budget rows are taken before the first account is
        for share of u
      ),
      ${signingIn(slots, amr)},
      noted as (${record({
        from: sql`asked join budget on budget.key = asked.address_mac left join owner using (place)`,
        id: sql`asked.event_id`,
        kind: 'sign_in_by_password',
        outcome: sql`case when budget.guarded then 'code_required' when owner.id is not null then 'signed_in' else asked.outcome end`,
        userId: sql`case when asked.known then asked.user_id end`,
        addressMac: sql`asked.address_mac`,
        client: askedBy
      })})
      select asked.place::int4, budget.guarded, ${signedInView},
        budget.before is distinct from (
          select ${lastJudged} from postern.address_budget as b where b.key = budget.key) as overtaken
      from asked join budget on budget.key = asked.address_mac join spent on spent.place = asked.place
        ${signedInAt(sql`asked.place`)}`
})

/** Judges one password, sharing a statement with others of the same moment, but not with one for the same address and row. */
export const judgePassword = batched(
  (db: Db, all: readonly PasswordGuess[], tries?: number) => judgePasswords(db, guesses.values(all), tries),
  { maxInFlight: 3, conflictKey: ({ addressMac }) => addressMac.toString('latin1') }
)
