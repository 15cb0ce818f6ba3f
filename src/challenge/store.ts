import { type RawBuilder, sql } from 'kysely'
import type { Slots } from '../db/statement.ts'
import { DAY } from '../lib/time.ts'

/** A level leaks by 10 in 30 days: some 130 guesses at six digits a year at the most, which is 1.4e-4 for an account. */
const LEAK_PER_SECOND = 10 / (30 * DAY)

export const SHORT_CODE = 6
export const LONG_CODE = 8
/** 65 bits of base 32: beyond guessing, so its failures are not counted. */
export const STRONG_CODE = 13

/** The level of budget row `b` now; never charged backwards by a clock reading from before the row's last change. */
const leakedLevel = sql`
  greatest(0, b.code_level - ${sql.lit(LEAK_PER_SECOND)} * greatest(0, extract(epoch from now() - b.code_level_at)))`

const lengthAt = (level: RawBuilder<unknown>, slots: BudgetSlots): RawBuilder<unknown> => sql`
  case when ${level} + ${slots.tries} <= ${slots.lengthenAt} then ${sql.lit(SHORT_CODE)}
       when ${level} + ${slots.tries} <= ${slots.strengthenAt} then ${sql.lit(LONG_CODE)}
       else ${sql.lit(STRONG_CODE)} end`

/** What a challenge whose code has `form.length` costs the address. */
const chargeFor = (slots: BudgetSlots): RawBuilder<unknown> => sql`
  case when form.length = ${sql.lit(STRONG_CODE)} then 0 else ${slots.tries} end`

const budgetParameters = {
  budgetKey: 'bytea',
  tries: 'int4',
  lengthenAt: 'float8',
  strengthenAt: 'float8'
} as const
type BudgetSlots = Slots<typeof budgetParameters>

export const challengeParameters = {
  ...budgetParameters,
  id: 'uuid',
  email: 'text',
  emailKey: 'text',
  locale: 'text?',
  ttl: 'int4',
  network: 'cidr?',
  agent: 'text?',
  keyId: 'text'
} as const
type ChallengeSlots = Slots<typeof challengeParameters>

/**
 * The arm that charges an address for a challenge's tries and says how long its code must be.
 * Only `on conflict do update` sees what a parallel request has just committed, so the count happens there and nowhere else.
 */
export const chargeBudget = (slots: BudgetSlots, unless: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  insert into postern.address_budget as b (key, code_level, code_level_at, last_length, last_charge)
  select ${slots.budgetKey}, first.charge, now(), first.length, first.charge
  from (select length, ${chargeFor(slots)} as charge from (select ${lengthAt(sql`0`, slots)} as length) as form) as first
  where not exists (${unless})
  on conflict (key) do update set (code_level, code_level_at, last_length, last_charge) = (
    select was.level + price.charge, greatest(now(), b.code_level_at), form.length, price.charge
    from (select ${leakedLevel} as level) as was
    cross join lateral (select ${lengthAt(sql`was.level`, slots)} as length) as form
    cross join lateral (select ${chargeFor(slots)} as charge) as price
  )
  returning last_length as length, last_charge as charge`

const challengeColumns = sql`
  id, email_key, locale, key_id, code_length, code_alphabet, tries_left, sends, sent_at, expires_at`

/**
 * The arm that makes the challenge that `budget` has paid for. An id that is there already fails the statement, and so
 * undoes the charge.
 */
export const insertChallenge = (slots: ChallengeSlots): RawBuilder<unknown> => sql`
  insert into postern.challenge (
    id, purpose, email, email_key, budget_key, locale, code_length, code_alphabet, charged, tries_left, sends, sent_at,
    expires_at, client_network, client_agent, key_id)
  select ${slots.id}, 'sign_in', ${slots.email}, ${slots.emailKey}, ${slots.budgetKey}, ${slots.locale}, budget.length,
         case when budget.length = ${sql.lit(STRONG_CODE)} then 'base32' else 'digits' end, budget.charge, ${slots.tries},
         1, now(), now() + ${slots.ttl} * interval '1 second', ${slots.network}, ${slots.agent}, ${slots.keyId}
  from budget
  returning ${challengeColumns}`

/** A challenge as its token's holder may see it. */
export type ChallengeState = {
  keyId: string
  codeLength: number
  codeAlphabet: 'digits' | 'base32'
  triesLeft: number
  sends: number
  expiresIn: number
  sentAgo: number
}

export const challengeState = sql`
  key_id as "keyId", code_length as "codeLength", code_alphabet as "codeAlphabet", tries_left as "triesLeft", sends,
  extract(epoch from expires_at - now())::float8 as "expiresIn", extract(epoch from now() - sent_at)::float8 as "sentAgo"`

export const spendParameters = { id: 'uuid', keyId: 'text', right: 'bool', usedKey: 'bytea?' } as const
type SpendSlots = Slots<typeof spendParameters>

/** The arm that takes the address's budget row first, as everywhere: budget, challenge, user, session. */
export const holdBudget = (slots: SpendSlots): RawBuilder<unknown> => sql`
  select b.key, b.xmin as version from postern.address_budget as b
  where ${slots.right} and b.key = (select c.budget_key from postern.challenge as c where c.id = ${slots.id})
  for update`

/**
 * Whether another statement changed the budget row while this one waited for it in `held`. What that one did, a session it
 * opened for instance, is then missing from this one's snapshot.
 */
export const overtaken = sql`
  not exists (select from held join postern.address_budget as b on b.key = held.key and b.xmin = held.version)`

/** The arm that spends a try of a live challenge, and the challenge itself when the code is right. Needs `held`. */
export const spendTry = (slots: SpendSlots): RawBuilder<unknown> => sql`
  update postern.challenge as c
  set tries_left = c.tries_left - 1,
      used_at = case when ${slots.right} then now() end,
      used_key = case when ${slots.right} then ${slots.usedKey} end
  where c.id = ${slots.id} and c.key_id = ${slots.keyId} and c.purpose = 'sign_in'
    and c.tries_left > 0 and c.used_at is null and c.expires_at > now()
    and (select count(*) from held) >= 0 -- waits for the budget row before this one is locked
  returning c.email, c.email_key, c.budget_key, c.charged, c.locale, c.used_at, c.created_at`

/** The arm that gives a used challenge's whole charge back. */
export const refundCharge = sql`
  update postern.address_budget as b
  set code_level = greatest(0, ${leakedLevel} - spent.charged), code_level_at = greatest(now(), b.code_level_at)
  from spent where spent.used_at is not null and b.key = spent.budget_key`
