import type pg from 'pg'
import type { Test } from 'tap'
import type { Answer } from '../contract-client.ts'
import { poolOf } from '../database.ts'
import { type Api, type Settings, start } from '../helper.ts'
import { keeperOf } from '../housekeeping/keeper.ts'

/** One of an attacker's 1,000 addresses, each in a network of its own. */
export const addressOf = (at: number): string => `${11 + ((at % 1000) >> 8)}.${(at % 1000) & 255}.7.1`

/** What calls from an address send along; the service stands behind a proxy. */
export const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

/** Of a code's form, so many that are certainly wrong. */
const wrongCodes = (code: string, count: number): string[] =>
  [...'0123456789']
    .filter((last) => !code.endsWith(last))
    .slice(0, count)
    .map((last) => code.slice(0, -1) + last)

/** Moves all that a budget, a code or a device is judged by into the past. Sessions and mails are not looked at here. */
const REST = [
  `update postern.address_budget set
     code_level_at = code_level_at - $1 * interval '1 second',
     password_level_at = password_level_at - $1 * interval '1 second',
     lanes = coalesce((select jsonb_object_agg(key, value::float8 - $1) from jsonb_each(lanes)), '{}'),
     pools = coalesce((select jsonb_object_agg(key, jsonb_build_array(value -> 0, (value ->> 1)::float8 - $1))
       from jsonb_each(pools)), '{}')`,
  `update postern.challenge set expires_at = expires_at - $1 * interval '1 second'`,
  `update postern.device set expires_at = expires_at - $1 * interval '1 second'`,
  `update postern.known_network set signed_in_at = signed_in_at - $1 * interval '1 second'`
]

/** A world in which an attacker has 1,000 addresses and time passes when told to. */
export async function underAttack(t: Test, settings: Settings = {}) {
  const world = await start(t, { TRUSTED_PROXIES: '127.0.0.0/8', BCRYPT_COST: '4', LOG_LEVEL: 'warn', ...settings })
  const { codeOf } = world
  const keeper = await keeperOf(world)
  const pool = poolOf(world.databaseUrl, 1)
  t.teardown(() => pool.end())
  const sql = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await pool.query<Row>(text, values)).rows
  let next = 0

  const rest = async (seconds: number): Promise<void> => {
    for (const text of REST) await sql(text, [seconds])
    await keeper.settle()
  }
  /** Asks for a code, each time from another address. */
  const ask = (email: string, api: Api = world.api): Promise<Answer> =>
    api.requestOtp({ email }, from(addressOf(next++)))
  const guess = (challenge: string, times: number, apis: readonly Api[] = [world.api]): Promise<Answer[]> =>
    Promise.all(
      wrongCodes(codeOf(challenge), times).map((code, at) =>
        (apis[at % apis.length] as Api).verifyOtp({ challenge, code }, from(addressOf(next++)))
      )
    )
  const levelOf = async (email: string): Promise<number> => {
    const [row] = await sql<{ level: number }>(
      `select greatest(0, code_level - extract(epoch from now() - code_level_at) * 10 / (30 * 86400))::float8 as level
       from postern.address_budget where key = $1`,
      [world.ctx.secrets.addressMac(email)]
    )
    return row?.level ?? 0
  }
  /** How many guesses of strangers were judged at an address, by the length of the code. */
  const judged = async (email: string): Promise<Record<6 | 8 | 13, number>> => {
    const rows = await sql<{ length: number; judged: number }>(
      `select code_length::int as length, sum(3 - tries_left)::int as judged from postern.challenge
       where email_key = $1 and pool is null and used_at is null group by 1`,
      [email]
    )
    return { 6: 0, 8: 0, 13: 0, ...Object.fromEntries(rows.map(({ length, judged }) => [length, judged])) }
  }
  const wrongCodesNoted = async (): Promise<number> => {
    const [row] = await sql<{ n: number }>(
      `select count(*)::int as n from postern.event where kind = 'sign_in_by_code' and outcome = 'wrong_code'`
    )
    return row?.n ?? -1
  }
  return { ...world, sql, rest, ask, guess, levelOf, judged, wrongCodesNoted }
}
