import { type RawBuilder, sql } from 'kysely'
import { clientParameters } from '../audit/store.ts'
import {
  chargedPool,
  codeColumns,
  codeRuleParameters,
  codeRuling,
  firstCodeRuling,
  STRONG_CODE
} from '../budget/code-store.ts'
import { codeRow, refunding } from '../budget/store.ts'
import { askingNetwork, trustedAmong } from '../budget/trust.ts'
import { fromNow } from '../db/interval.ts'
import { type RowOf, rowsOf } from '../db/rows.ts'
import type { Slots, Values } from '../db/statement.ts'
import type { CodeAlphabet } from '../lib/code.ts'
import { queueMail } from '../mail/store.ts'

/** One request for a code, as a statement takes many of them. */
const requests = rowsOf({
  id: 'uuid',
  email: 'text',
  emailKey: 'text',
  addressMac: 'bytea',
  locale: 'text?',
  ...clientParameters,
  knownDeviceId: 'uuid?', // that a token of an earlier sign-in names
  knownSeedHash: 'bytea?',
  mailId: 'uuid',
  messageId: 'text'
})
const ruleParameters = { ...codeRuleParameters, ttl: 'int4', keyId: 'text' } as const

export const challengeParameters = { ...requests.parameters, ...ruleParameters } as const
type ChallengeSlots = Slots<typeof challengeParameters>

/** One request for a code, and the rules that are the same for all of them. */
export type NewChallenge = RowOf<typeof requests.columns> & { rules: Values<typeof ruleParameters> }

/** Challenges as the parameters of a statement. */
export const listed = requests.values<Values<typeof ruleParameters>>

/**
 * The CTE that charges each address for its challenge's tries and says how long the code must be, or that no lane has room.
 * Only `on conflict do update` sees what a parallel request has just committed, so the count happens there and nowhere else.
 * Rows are taken in the order of their keys, so that no two statements wait for each other.
 *
 * @param password for a sign-in whose password was given: whether it was right. Its challenge is made in any case.
 */
const chargeBudgets = (slots: ChallengeSlots, password?: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  insert into postern.address_budget as b (key, ${codeColumns})
  select asked.address_mac, ${codeColumns}
  from asked join trusted using (place)
  cross join lateral (${firstCodeRuling(slots, sql`trusted.pool`, askingNetwork, password)}) as first
  order by asked.address_mac
  on conflict (key) do update set (${codeColumns}) = (
    select ${codeColumns} from (${codeRuling(slots, codeRow, password)}) as next)
  returning key, last_length as length, last_charge as charge, ${chargedPool} as pool, last_wait as wait`

const challengeColumns = sql`
  id, email_key, locale, key_id, code_length, code_alphabet, tries_left, sends, sent_at, expires_at`

/**
 * The CTE that makes the challenges that `budget` has paid for. An id that exists already fails the statement, which undoes the
 * charge. `clock_timestamp`, because the statement may have waited for the budget, and a change of credentials meanwhile must be
 * older.
 *
 * @param password as in `chargeBudgets`; a code after a right password proves two things at once
 */
const insertChallenges = (slots: ChallengeSlots, password?: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  insert into postern.challenge (
    id, purpose, email, email_key, budget_key, locale, code_length, code_alphabet, charged, pool, device_id,
    shown_seed_hash, tries_left, sends, sent_at, expires_at, client_network, client_agent, key_id, mailed, created_at)
  select asked.id, ${password === undefined ? sql`'sign_in'` : sql`case when ${password} then 'step_up' else 'sign_in' end`}, asked.email, asked.email_key, asked.address_mac, asked.locale, budget.length,
         case when budget.length = ${sql.lit(STRONG_CODE)} then 'base32' else 'digits' end, budget.charge, budget.pool,
         trusted.device_id, case when trusted.device_id is not null then asked.known_seed_hash end, ${slots.tries}, 1, now(), ${fromNow(slots.ttl)}, asked.network, asked.agent,
         ${slots.keyId}, budget.wait = 0, clock_timestamp()
  from asked join trusted using (place) join budget on budget.key = asked.address_mac
  where ${password === undefined ? sql`budget.wait = 0` : sql`true`}
  returning ${challengeColumns}`

/** The made challenges, each with the mail that was promised for it. */
const challengeMails = sql`(
  select made.id, made.email_key, made.locale, made.expires_at, made.key_id, asked.mail_id, asked.message_id
  from made join asked on asked.id = made.id join budget on budget.key = asked.address_mac
  where budget.wait = 0)`

/**
 * The CTEs that charge the addresses, make challenges of the form that each charge allows, and queue their mails: asked, trusted,
 * budget, made, queued. The same work for every address: nothing here asks whether there is an account.
 *
 * @param right for a sign-in whose password was given: whether it was right
 * @param which the condition on the requests that are to be made at all
 */
export const makingChallenges = (
  slots: ChallengeSlots,
  { right, which }: { right?: RawBuilder<unknown>; which?: RawBuilder<unknown> } = {}
): RawBuilder<unknown> => sql`
  asked as (${requests.asked(slots, which)}),
  trusted as (${trustedAmong}),
  budget as (${chargeBudgets(slots, right)}),
  made as (${insertChallenges(slots, right)}),
  queued as (${queueMail({
    from: challengeMails,
    kind: 'code',
    id: sql`made.mail_id`,
    messageId: sql`made.message_id`
  })})`

/** A challenge as its token's holder may see it. */
export type ChallengeState = {
  keyId: string
  codeLength: number
  codeAlphabet: CodeAlphabet
  triesLeft: number
  sends: number
  expiresIn: number
  sentAgo: number
}

export const challengeState = sql`
  key_id as "keyId", code_length as "codeLength", code_alphabet as "codeAlphabet", tries_left as "triesLeft", sends,
  extract(epoch from expires_at - now())::float8 as "expiresIn", extract(epoch from now() - sent_at)::float8 as "sentAgo"`

/**
 * What a guess brings for its challenge. `usedKey` is a digest of its Idempotency-Key, and of the code when that is wrong: the
 * same guess repeated right away counts once.
 */
export const spendColumns = { id: 'uuid', keyId: 'text', right: 'bool', usedKey: 'bytea?' } as const

/**
 * The condition that the code of the challenge `c` is still good.
 * `num_nulls` and not `is null`: with the latter the planner may walk the index of all challenges that are not settled yet.
 */
export const alive = sql`
  c.tries_left > 0 and c.used_at is null and c.expires_at > now() and num_nulls(c.settled_at) = 1`

/** Whether a try lets somebody in. A challenge of a deleted account no longer has an address, and does not; see `forgetChallenges`. */
const opens = sql`(asked."right" and c.email_key <> '')`

/**
 * The CTE that names each try's address. Tries that let somebody in at one address take turns: the first is judged now, the others are
 * sent again, so that no CTE changes a row twice. By address and not by budget, because an address has two while master keys are
 * rotated. All others change their own challenges only, and are judged at once: sent again, many would cost the square of their number.
 *
 * A dead challenge locks nothing and writes nothing, as one that is gone: those after a wrong password go sooner than those after a
 * right one, and whoever could tell would learn which it was.
 */
export const namedTries = sql`
  select asked.place, c.budget_key,
    case when ${opens} then row_number() over (partition by c.email_key, ${opens} order by asked.place) else 1 end as turn
  from asked join postern.challenge as c on c.id = asked.id
  where ${alive}`

/** The CTE that takes the addresses' budget rows first and in one order, as everywhere: budget, challenge, user, session. */
export const lockedBudgets = sql`
  select b.key, b.xmin as version from postern.address_budget as b
  where b.key in (select named.budget_key from named)
  order by b.key for update`

/**
 * Whether another statement changed the budget row of `spent` while this one waited for it in `held`. Whatever the other one did,
 * such as opening a session, is then missing from this one's snapshot.
 */
export const overtaken = sql`
  not exists (
    select from held join postern.address_budget as b on b.key = held.key and b.xmin = held.version
    where held.key = spent.budget_key)`

/** The CTE that spends a try of each live challenge, and the challenge itself when the code is right. Needs `held`. */
export const spendTries = sql`
  update postern.challenge as c
  set tries_left = c.tries_left - 1,
      used_at = case when ${opens} then now() end,
      used_key = asked.used_key
  from asked join named using (place)
  where c.id = asked.id and named.turn = 1 and c.key_id = asked.key_id and ${alive}
    and (asked."right" or coalesce(c.used_key <> asked.used_key, true))
    and (select count(*) from held) >= 0 -- waits for the budget rows before these are locked
  returning asked.place, c.email, c.email_key, c.budget_key, c.charged, c.pool, c.purpose, c.device_id, c.shown_seed_hash, c.locale, c.used_at,
    c.created_at, c.code_length`

/** The CTE that gives a used challenge's whole charge back to what it was taken from. */
export const refundCharges = refunding(sql`spent where spent.used_at is not null and b.key = spent.budget_key`)
