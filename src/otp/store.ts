import { sql } from 'kysely'
import { record } from '../audit/store.ts'
import {
  type ChallengeState,
  challengeParameters,
  challengeState,
  chargeBudget,
  holdBudget,
  insertChallenge,
  overtaken,
  refundCharge,
  spendParameters,
  spendTry
} from '../challenge/store.ts'
import { statement } from '../db/statement.ts'
import { queueMail } from '../mail/store.ts'
import {
  openedView,
  openParameters,
  openSession,
  openSessions,
  renewSession,
  type SessionView
} from '../session/store.ts'
import { knownUser, ownerOf, proveUser } from '../user/store.ts'

const requestParameters = { ...challengeParameters, mailId: 'uuid', messageId: 'text' } as const

/** Whether this request made the challenge, or met the one that an earlier try with the same key had made. */
export type Requested = ChallengeState & { fresh: boolean }

/**
 * Charges the address, makes a challenge of the form that the charge allows and promises its mail. The same work for
 * every address: nothing here asks whether there is an account.
 */
export const requestChallenge = statement(
  requestParameters,
  (slots) => sql<Requested>`
    with budget as (${chargeBudget(slots, sql`select where false`)}),
    made as (${insertChallenge(slots)}),
    queued as (${queueMail({ from: sql`made`, kind: 'code', id: slots.mailId, messageId: slots.messageId })})
    select ${challengeState}, true as fresh from made`
)

/**
 * As `requestChallenge`, for an id derived from an Idempotency-Key: a repeat costs nothing and mails nothing.
 * A unique violation: a twin has just committed the same challenge; the next try finds it.
 */
export const requestChallengeOnce = statement(
  requestParameters,
  (slots) => sql<Requested>`
    with existing as (select ${challengeState} from postern.challenge where id = ${slots.id}),
    budget as (${chargeBudget(slots, sql`select from existing`)}),
    made as (${insertChallenge(slots)}),
    queued as (${queueMail({ from: sql`made`, kind: 'code', id: slots.mailId, messageId: slots.messageId })})
    select ${challengeState}, true as fresh from made
    union all
    select "keyId", "codeLength", "codeAlphabet", "triesLeft", sends, "expiresIn", "sentAgo", false from existing`
)

/** A challenge asked to be mailed again: `resent` tells whether it was; `alive` whether it could still be. */
export type Resent = ChallengeState & { resent: boolean; alive: boolean }

export const resendChallenge = statement(
  { id: 'uuid', keyId: 'text', mostSends: 'int4', resendAfter: 'int4', mailId: 'uuid', messageId: 'text' },
  (slots) => sql<Resent>`
    with asked as (
      select c.id, c.key_id, c.code_length, c.code_alphabet, c.tries_left, c.sends, c.sent_at, c.expires_at,
        c.used_at is null and c.tries_left > 0 and c.expires_at > now() as alive
      from postern.challenge as c where c.id = ${slots.id} and c.key_id = ${slots.keyId} and c.purpose = 'sign_in'
      for update
    ), made as (
      update postern.challenge as c set sends = c.sends + 1, sent_at = now()
      from asked
      where c.id = asked.id and asked.alive and asked.sends < ${slots.mostSends}
        and asked.sent_at <= now() - ${slots.resendAfter} * interval '1 second'
      returning c.id, c.email_key, c.locale, c.key_id, c.expires_at, c.sends
    ), queued as (${queueMail({ from: sql`made`, kind: 'code', id: slots.mailId, messageId: slots.messageId })})
    select ${challengeState}, exists (select from made) as resent, alive from asked`
)

const verifyParameters = {
  ...spendParameters,
  ...openParameters,
  userId: 'uuid',
  defaultLocale: 'text',
  signupOpen: 'bool',
  eventId: 'uuid',
  requestId: 'text'
} as const

/** What became of a try. Without a session the code was wrong, or right for an account that may not sign in. */
export type Verified = { [K in keyof SessionView]: SessionView[K] | null } & {
  openSessions: number | null
  /** Sessions may have been opened at the same moment that `openSessions` does not count. */
  overtaken: boolean
}

const verifying = (renews: boolean) =>
  statement({ ...verifyParameters, renewId: 'uuid?' }, (slots) => {
    const renewed = sql`, renewed as (${renewSession({ ...slots, renewId: sql<string>`${slots.renewId}` })})`
    return sql<Verified>`
      with held as (${holdBudget(slots)}),
      spent as (${spendTry(slots)}),
      refunded as (${refundCharge}),
      known as (${knownUser}),
      proven as (${proveUser(slots)}),
      owner as (${ownerOf})
      ${renews ? renewed : sql``},
      created as (${openSession(slots, renews ? sql`select from renewed` : sql`select where false`)}),
      opened as (
        select id, created_at, authenticated_at, idle_expires_at, expires_at, generation, key_id, amr from created
        ${renews ? sql`union all select id, created_at, authenticated_at, idle_expires_at, expires_at, generation, key_id, amr from renewed` : sql``}
      ),
      noted as (${record({
        from: sql`spent left join owner on true`,
        id: slots.eventId,
        kind: sql`'sign_in_by_code'`,
        outcome: sql`case when owner.id is not null then 'signed_in' when spent.used_at is not null then 'no_account' else 'wrong_code' end`,
        userId: sql`owner.id`,
        emailMac: sql`spent.budget_key`,
        client: slots
      })})
      select ${openedView}, ${openSessions} as "openSessions", ${overtaken} as overtaken
      from spent left join (owner join opened on true) on true`
  })

/**
 * Judges one guess. The database decides even over a wrong code: it must cost a try, and only it knows whether one is left.
 * No row: the challenge is dead, used, or was never made. In lock order: budget, challenge, user, session.
 */
export const verifyChallenge = verifying(false)
/** As `verifyChallenge`, renewing the caller's own session (`renewId`) when the code proves the same account. */
export const verifyChallengeRenewing = verifying(true)

/** A mail's challenge and its recipient: the account's own spelling where there is one. */
export type CodeMailSubject = {
  id: string
  keyId: string
  codeLength: number
  codeAlphabet: 'digits' | 'base32'
  locale: string | null
  typedEmail: string
  accountEmail: string | null
  accountLocale: string | null
  disabled: boolean | null
  /** Seconds the code is still good for. */
  expiresIn: number
  used: boolean
}

export const findCodeMailSubjects = statement(
  { ids: 'uuid[]' },
  ({ ids }) => sql<CodeMailSubject>`
    select c.id, c.key_id as "keyId", c.code_length as "codeLength", c.code_alphabet as "codeAlphabet", c.locale,
      c.email as "typedEmail", u.email as "accountEmail", u.locale as "accountLocale", u.disabled_at is not null as disabled,
      extract(epoch from c.expires_at - now())::float8 as "expiresIn", c.used_at is not null or c.tries_left = 0 as used
    from postern.challenge as c left join postern."user" as u on u.email_key = c.email_key
    where c.id = any(${ids})`
)
