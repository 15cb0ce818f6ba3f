import { sql } from 'kysely'
import { eventParameters, record } from '../audit/store.ts'
import {
  alive,
  type ChallengeState,
  challengeParameters,
  challengeState,
  listed,
  makingChallenges,
  type NewChallenge
} from '../challenge/store.ts'
import { batched } from '../db/batch.ts'
import { ago } from '../db/interval.ts'
import { statement } from '../db/statement.ts'
import type { Db } from '../db/tables.ts'
import { queueMail } from '../mail/store.ts'

export type Made = ChallengeState & { id: string }

/**
 * Whether this request made the challenge, or met the one that an earlier try with the same key had made. With a `wait`, seconds,
 * there is no challenge: no lane of the address has room for a mail.
 */
export type Requested = { [K in keyof Made]: Made[K] | null } & { fresh: boolean; wait: number }

/**
 * `closed`: the challenge was found, but its code or its tries are used up. `orphaned`: it signed in an account that is now deleted.
 */
type RequestedOnce = Requested & { closed: boolean; orphaned: boolean }

const requestChallenges = statement(
  challengeParameters,
  (slots) => sql<Requested & { place: number }>`
    with ${makingChallenges(slots)}
    select asked.place::int4, made.id, ${challengeState}, true as fresh, budget.wait
    from asked join budget on budget.key = asked.address_mac left join made on made.id = asked.id`
)

/**
 * As `requestChallenges`, for one id derived from an Idempotency-Key: a repeat costs and mails nothing, even on another day.
 * A unique violation means that a duplicate has just committed the same challenge; the next try finds it.
 */
const requestChallengeOnce = statement(
  { ...challengeParameters, sameIds: 'uuid[]' },
  (slots) => sql<RequestedOnce>`
    with existing as (
      select id, ${challengeState}, used_at is not null or tries_left = 0 as closed,
        email_key = '' and used_at is not null as orphaned
      from postern.challenge where id = any(${slots.sameIds}) order by created_at, id limit 1
    ), ${makingChallenges(slots, { which: sql`not exists (select from existing)` })}
    select id, ${challengeState}, true as fresh, budget.wait, false as closed, false as orphaned from budget left join made on true
    union all
    select id, "keyId", "codeLength", "codeAlphabet", "triesLeft", sends, "expiresIn", "sentAgo", false, 0, closed, orphaned from existing`
)

/** Requests of one moment share a statement and a commit; two for one address never do, because they change the same row. */
export const requestChallenge = batched(
  (db: Db, challenges: readonly NewChallenge[], tries?: number) => requestChallenges(db, listed(challenges), tries),
  { maxInFlight: 3, conflictKey: ({ addressMac }) => addressMac.toString('latin1') }
)

/** @param sameIds where an earlier try may have made the challenge; `challenge.id` is among them */
export const requestOnce = async (
  db: Db,
  challenge: NewChallenge,
  sameIds: string[]
): Promise<RequestedOnce | undefined> => (await requestChallengeOnce(db, { ...listed([challenge]), sameIds }))[0]

/**
 * A challenge to be mailed again: `resent` says whether it was. One that no lane had room for is not `mailed` this way either;
 * everything else about it is the same. A dead one is not even locked, for the reason of `namedTries`.
 */
type Resent = ChallengeState & { resent: boolean; mailed: boolean }

export const resendChallenge = statement(
  {
    ...eventParameters,
    id: 'uuid',
    keyId: 'text',
    mostSends: 'int4',
    resendAfter: 'int4',
    mailId: 'uuid',
    messageId: 'text'
  },
  (slots) => sql<Resent>`
    with asked as (
      select c.id, c.key_id, c.code_length, c.code_alphabet, c.tries_left, c.sends, c.sent_at, c.expires_at, c.mailed
      from postern.challenge as c where c.id = ${slots.id} and c.key_id = ${slots.keyId} and ${alive}
      for update
    ), made as (
      update postern.challenge as c set sends = c.sends + 1, sent_at = now()
      from asked
      where c.id = asked.id and asked.sends < ${slots.mostSends}
        and asked.sent_at <= ${ago(slots.resendAfter)}
      returning c.id, c.email_key, c.budget_key, c.locale, c.key_id, c.expires_at, c.mailed
    ), queued as (${queueMail({
      from: sql`(select id, email_key, locale, expires_at, key_id from made where mailed)`,
      kind: 'code',
      id: slots.mailId,
      messageId: slots.messageId
    })}),
    noted as (${record({
      from: sql`made`,
      id: slots.eventId,
      kind: 'code_resent',
      outcome: sql`case when made.mailed then 'mail_queued' else 'no_room' end`,
      addressMac: sql`made.budget_key`,
      client: slots
    })})
    select ${challengeState}, exists (select from made) as resent, mailed from asked`
)
