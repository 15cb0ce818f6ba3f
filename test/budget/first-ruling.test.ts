import { sql } from 'kysely'
import t from 'tap'
import { codeRuling, firstCodeRuling } from '../../src/budget/code-store.ts'
import { freshRow } from '../../src/budget/store.ts'
import { start } from '../helper.ts'

/** A row that a ruling makes, its times as seconds from the moment of the ruling. */
type Ruled = { lanes: Record<string, number>; pools: Record<string, [number, number]>; at: number; rest: unknown }

const { ctx } = await start(t)

async function ruled(ruling: ReturnType<typeof codeRuling>): Promise<Ruled> {
  const { rows } = await sql<Ruled>`
    select lanes, pools, extract(epoch from code_level_at)::float8 as at,
      jsonb_build_array(code_level, last_length, last_charge, last_pool, last_guarded, last_from, last_wait) as rest
    from (${ruling}) as ruled`.execute(ctx.db)
  const { lanes, pools, at, rest } = rows[0] as Ruled
  const whole = (seconds: number) => Math.round(seconds - at)
  return {
    lanes: Object.fromEntries(Object.entries(lanes).map(([name, empty]) => [name, whole(empty)])),
    pools: Object.fromEntries(Object.entries(pools).map(([name, [level, since]]) => [name, [level, whole(since)]])),
    at: Math.round(at - Date.now() / 1000),
    rest
  }
}

const from = sql`'network:192.0.2.0/24'`
const whoAsks = { stranger: sql`null::text`, 'a known network': from }
const passwords = { 'no password': undefined, 'a right password': sql`true`, 'a wrong password': sql`false` }

t.test('the short ruling over an address that was never seen is the long one over an empty row', async (t) => {
  for (const [who, pool] of Object.entries(whoAsks)) {
    for (const [what, right] of Object.entries(passwords)) {
      for (const tries of [3, 10, 11, 20, 21]) {
        const slots = {
          tries: sql<number>`${sql.lit(tries)}::int4`,
          lengthenAt: sql<number>`10::float8`,
          strengthenAt: sql<number>`20::float8`,
          strangersLength: sql<number>`7::int4`,
          trustedLength: sql<number>`6::int4`
        }
        const long = await ruled(codeRuling(slots, { ...freshRow, pool, from }, right))
        const short = await ruled(firstCodeRuling(slots, pool, from, right))

        t.strictSame(short, long, `${who} with ${what}, ${tries} tries`)
      }
    }
  }
})
