import { sql } from 'kysely'
import { record } from '../audit/store.ts'
import { distinctAlong } from '../db/distinct.ts'
import { fromNow } from '../db/interval.ts'
import { statement, statementInTx } from '../db/statement.ts'
import { noticeKinds } from '../user/notice-store.ts'

export type SigningKeyRow = {
  kid: string
  alg: string
  publicJwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string }
  sealedPrivate: Buffer
  keyId: string
  active: boolean
  /** Seconds since it began to sign; negative before. */
  age: number
}

/**
 * The signing keys that still verify; the one that signs comes first. Uses the time of the statement: the time of a transaction
 * that waited for the lock lies before the key that the transaction ahead of it has just made.
 */
export const findSigningKeys = statement(
  {},
  () => sql<SigningKeyRow>`
    select kid, alg, public_jwk as "publicJwk", sealed_private as "sealedPrivate", key_id as "keyId",
      activates_at <= statement_timestamp() as active,
      extract(epoch from statement_timestamp() - activates_at)::float8 as age
    from postern.signing_key where retires_at is null or retires_at > statement_timestamp()
    order by active desc, activates_at desc, kid desc`
)

/** One instance at a time makes signing keys; the lock goes with the transaction. */
export const lockSigningKeys = statementInTx(
  {},
  () => sql`select pg_advisory_xact_lock(hashtext('postern signing keys'))`
)

/** @param activatesIn seconds from now */
export const insertSigningKey = statementInTx(
  { kid: 'text', publicJwk: 'text', sealedPrivate: 'bytea', keyId: 'text', activatesIn: 'int4' },
  ({ kid, publicJwk, sealedPrivate, keyId, activatesIn }) => sql`
    insert into postern.signing_key (kid, alg, public_jwk, sealed_private, key_id, activates_at)
    values (${kid}, 'ES256', ${publicJwk}::jsonb, ${sealedPrivate}, ${keyId}, ${fromNow(activatesIn)})`
)

/** Sets the end of every signing key but one. @param retiresIn seconds from now */
export const retireSigningKeysExcept = statementInTx(
  { kid: 'text', retiresIn: 'int4' },
  ({ kid, retiresIn }) => sql`
    update postern.signing_key
    set retires_at = least(coalesce(retires_at, 'infinity'), ${fromNow(retiresIn)})
    where kid <> ${kid} and (retires_at is null or retires_at > now())`
)

export const resealSigningKey = statementInTx(
  { kid: 'text', sealedPrivate: 'bytea', keyId: 'text' },
  ({ kid, sealedPrivate, keyId }) => sql`
    update postern.signing_key set sealed_private = ${sealedPrivate}, key_id = ${keyId} where kid = ${kid}`
)

export type KeyUse = { keyId: string; kind: 'session' | 'challenge' | 'reset' | 'mail' | 'signing_key' }

/**
 * Which master keys live rows still need. Sessions are walked key by key along their index, so that the answer costs
 * a few look-ups however many sessions there are.
 */
export const findKeyUses = statement(
  {},
  () => sql<KeyUse>`
    with recursive ids as (${distinctAlong(sql`postern.session as s`, sql`s.key_id`)})
    select ids.id as "keyId", 'session' as kind from ids
    where ids.id is not null and exists (
      select from postern.session as s where s.key_id = ids.id and s.expires_at > now() and num_nulls(s.revoked_at) = 1)
    union all
    select distinct key_id, 'challenge' from postern.challenge where expires_at > now() and used_at is null and settled_at is null
    union all
    select distinct key_id, 'reset' from postern.password_reset where expires_at > now() and used_at is null
    union all
    select distinct key_id, 'mail' from postern.mail where state = 'queued' and valid_until > now()
    union all
    select distinct key_id, 'signing_key' from postern.signing_key where retires_at is null or retires_at > now()`
)

/**
 * Which master keys trusted devices name, a page of devices at a time: no index leads from a key to its devices, and there may be
 * very many. Without its key a device is a stranger again and nothing breaks, so this is only asked when keys are rotated.
 */
export const findDeviceKeys = statement(
  { afterId: 'uuid', most: 'int4' },
  ({ afterId, most }) => sql<{ lastId: string | null; keyIds: string[] }>`
    with page as (
      select d.id, d.key_id, d.expires_at from postern.device as d where d.id > ${afterId} order by d.id limit ${most}
    )
    select (select page.id from page order by page.id desc limit 1) as "lastId",
      array(select distinct page.key_id from page where page.expires_at > now()) as "keyIds"`
)

const isNotice = sql`kind in (${sql.join(noticeKinds.map((kind) => sql.lit(kind)))})`

/**
 * Ends the open challenges, links and mails that a master key made. Notices hold nothing that it made, and tell the owner of what somebody
 * may have done with it: those that wait go on under the newest key.
 */
export const endCodesOf = statement(
  { keyId: 'text', newestKeyId: 'text', eventId: 'uuid' },
  ({ keyId, newestKeyId, eventId }) => sql<{ challenges: number }>`
    with noted as (${record({
      from: sql`(select) as once`,
      id: eventId,
      kind: 'master_key_compromised',
      outcome: sql`'sessions_and_codes_ended'`
    })}), challenges as (
      update postern.challenge set expires_at = now()
      where key_id = ${keyId} and used_at is null and expires_at > now() and settled_at is null returning 1
    ), resets as (
      update postern.password_reset set expires_at = now()
      where key_id = ${keyId} and used_at is null and expires_at > now()
    ), mails as (
      update postern.mail set state = 'expired', settled_at = now()
      where key_id = ${keyId} and state = 'queued' and not ${isNotice}
    ), notices as (
      update postern.mail set key_id = ${newestKeyId} where key_id = ${keyId} and state = 'queued' and ${isNotice}
    )
    select count(*)::int4 as challenges from challenges`
)

/**
 * Ends a page of everybody's sessions. Their expiry is moved too: otherwise `findKeyUses` would read each of them at every check.
 *
 * @returns where the next page begins; null after the last one
 */
export const endSessionsAfter = statement(
  { afterId: 'uuid', most: 'int4' },
  ({ afterId, most }) => sql<{ lastId: string | null; ended: number }>`
    with page as (
      select s.id, s.expires_at > now() as lasts from postern.session as s where s.id > ${afterId} order by s.id limit ${most}
    ), ended as (
      update postern.session as s set revoked_at = now(), expires_at = now() from page
      where s.id = page.id and page.lasts and num_nulls(s.revoked_at) = 1 returning 1
    )
    select (select page.id from page order by page.id desc limit 1) as "lastId", (select count(*)::int4 from ended) as ended`
)

/** Forgets this many trusted devices and as many known networks, of any account, also those locked just now. */
export const forgetTrusted = statement(
  { most: 'int4' },
  ({ most }) => sql<{ forgotten: number }>`
    with devices as (
      delete from postern.device where id in (select d.id from postern.device as d order by d.id limit ${most}) returning 1
    ), networks as (
      delete from postern.known_network where (email_key, network) in (
        select n.email_key, n.network from postern.known_network as n order by n.email_key, n.network limit ${most}
      ) returning 1
    )
    select (select count(*)::int4 from devices) + (select count(*)::int4 from networks) as forgotten`
)
