import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Client } from 'undici'
import { secretsOf } from '../../src/keys/secrets.ts'
import type { CodeForm } from '../../src/lib/code.ts'
import { newId } from '../../src/lib/identifier.ts'
import { makeDatabase, testServer } from '../database.ts'
import { newKey } from '../helper.ts'

/** What an address may be. The first is what every other is compared with. */
const states = ['unknown', 'known', 'unverified', 'disabled', 'without password'] as const
export type State = (typeof states)[number]

export type World = Awaited<ReturnType<typeof makeWorld>>

let made = 0

/**
 * One instance in a process of its own, with hashes as cheap as they get and no client quotas, and what is needed to ask it
 * about many addresses of each state, each of them once.
 *
 * @param settings of the instance, beside those
 * @param hashes of the passwords of those that have one, by turns; some hundred people have them from the beginning
 */
export async function makeWorld(settings: Record<string, string>, hashes: readonly string[]) {
  const server = await testServer()
  const database = await makeDatabase(server.url)
  const key = newKey()
  const secrets = secretsOf([Buffer.from(key, 'base64url')])
  const { sql } = database

  /** So many addresses that nobody has asked about. */
  const addresses = async (state: State, count: number): Promise<string[]> => {
    const emails = Array.from({ length: count }, () => `p${String(made++).padStart(9, '0')}@example.com`)
    if (state === 'unknown') return emails
    await sql(
      `insert into postern."user" (id, email, email_key, email_verified_at, password_hash, locale, disabled_at)
       select id, email, email, case when $3 <> 'unverified' then now() end, case when $3 <> 'without password' then hash end,
         'en', case when $3 = 'disabled' then now() end
       from unnest($1::uuid[], $2::text[], $4::text[]) as made (id, email, hash)`,
      [emails.map(newId), emails, state, emails.map((_, at) => hashes[at % hashes.length])]
    )
    await sql('analyze postern."user"')
    return emails
  }
  await addresses('known', 600)

  const child = fork(new URL('instance.ts', import.meta.url), {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      PORT: '0',
      PUBLIC_URL: 'http://localhost:3000',
      DATABASE_URL: database.url,
      SECRET_KEYS: key,
      CLIENT_LIMITS: 'off',
      BCRYPT_COST: '4',
      LOG_LEVEL: 'warn',
      ...settings
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const [url] = (await once(child, 'message')) as [string]
  const client = new Client(url)

  /** Milliseconds until the whole answer is there, and its status. */
  const time = async (path: string, body: object): Promise<{ took: number; status: number }> => {
    const payload = JSON.stringify(body)
    const began = performance.now()
    const answer = await client.request({
      method: 'POST',
      path,
      body: payload,
      headers: { 'content-type': 'application/json' }
    })
    await answer.body.text()
    return { took: performance.now() - began, status: answer.statusCode }
  }

  /**
   * A challenge for each address, made as the service makes them, and its token.
   *
   * @param spent behind `exhaust`: with the long code that costs a budget nothing
   */
  const challenges = async (emails: readonly string[], spent: boolean): Promise<string[]> => {
    const ids = emails.map(newId)
    const keyId = secrets.ring.newest.id
    const form: CodeForm = spent ? { length: 13, alphabet: 'base32' } : { length: 6, alphabet: 'digits' }
    const charge = spent ? 0 : 3
    await sql(
      `with charged as (
         insert into postern.address_budget (key, code_level, code_level_at, last_length, last_charge)
         select budget, $5::int2, now(), $6::int2, $5::int2 from unnest($2::bytea[]) as made (budget) on conflict (key) do nothing)
       insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length, code_alphabet, charged,
         tries_left, sends, sent_at, expires_at, key_id)
       select id, 'sign_in', email, email, budget, $6::int2, $7, $5::int2, 3, 1, now(), now() + interval '1 hour', $4
       from unnest($1::uuid[], $2::bytea[], $3::text[]) as made (id, budget, email)`,
      [ids, emails.map((email) => secrets.addressMac(email)), emails, keyId, charge, form.length, form.alphabet]
    )
    return ids.map((id) => secrets.challengeToken({ keyId, id, form }))
  }

  /** Fills the lanes and uses up the levels of the addresses, as somebody who asks for them all day would. */
  const exhaust = async (emails: readonly string[]): Promise<void> => {
    await sql(
      `insert into postern.address_budget (key, code_level, code_level_at, lanes, password_level, password_level_at)
       select budget, 30, now(), lanes, 10, now() from unnest($1::bytea[]) as made (budget), lateral (
         select jsonb_build_object('code:hour', e + 86400, 'code:day', e + 864000, 'reset:hour', e + 86400,
           'reset:day', e + 864000) as lanes from extract(epoch from now()) as e) as full_lanes`,
      [emails.map((email) => secrets.addressMac(email))]
    )
  }

  const close = async (): Promise<void> => {
    await client.close()
    child.disconnect()
    await once(child, 'exit')
    await database.drop()
  }
  return { time, addresses, challenges, exhaust, close }
}
