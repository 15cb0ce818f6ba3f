import t from 'tap'
import type { Answer } from '../contract-client.ts'
import { email as known, password, another as wrong } from '../password/with-password.ts'
import { from, underAttack } from './attacker.ts'

/** Of a network each, so that nothing is left of the round before. */
const network = (round: number): string => `198.51.${round}.7`

/** Somebody with a password at whose address strangers have guessed so often that everybody is asked for a code. */
async function guarded(...[t]: Parameters<typeof underAttack>) {
  const world = await underAttack(t)
  const { signIn, api, sql } = world
  const { body: session } = await signIn(known)
  await api.changePassword({ password }, { bearer: session.access_token })
  await sql(
    `with n as (delete from postern.known_network), d as (delete from postern.device)
     update postern.address_budget set password_level = 10, password_level_at = now()`
  )
  const empty = () => sql(`update postern.address_budget set lanes = '{}', pools = '{}', code_level = 0`)
  const login = (given: string, address: string) =>
    api.loginWithPassword({ email: known, password: given }, from(address))
  return { ...world, empty, login }
}

/** What of an answer says how full the lanes are. A second may pass between two rounds. */
const told = ({ status, body, headers }: Answer) => ({
  status,
  length: body?.code_length,
  wait: Number(headers.get('retry-after') ?? 0)
})

for (const before of [0, 1, 4, 5, 6, 8])
  t.test(
    `after ${before} logins of a network requests for codes do not tell whether the password was right`,
    async (t) => {
      const { empty, login, api } = await guarded(t)
      const rounds: { logins: string[]; asked: ReturnType<typeof told>[] }[] = []

      for (const [round, given] of [wrong, password].entries()) {
        await empty()
        const logins: string[] = []
        for (let count = 1; count <= before; count++) logins.push((await login(given, network(round))).problem.code)
        const asked = []
        for (const at of [0, 0, 10, 0])
          asked.push(told(await api.requestOtp({ email: known }, from(network(round + at)))))
        rounds.push({ logins, asked })
      }

      const [wrongly, rightly] = rounds
      t.strictSame(rightly?.logins, wrongly?.logins)
      t.strictSame(new Set(wrongly?.logins), new Set(before > 0 ? ['code-required'] : []))
      for (const [at, one] of (wrongly?.asked ?? []).entries()) {
        const other = rightly?.asked[at]
        t.match(other, { status: one.status, length: one.length })
        t.ok(Math.abs((other?.wait ?? 0) - one.wait) <= 3, `${other?.wait} s and ${one.wait} s`)
      }
    }
  )

t.test('a right password has ten mails an hour of its own when the lanes of strangers are full', async (t) => {
  const { login, sql } = await guarded(t)
  const mails = async (): Promise<number> =>
    Number((await sql(`select count(*)::int as n from postern.mail where kind = 'code'`))[0]?.n)
  for (let at = 1; at <= 7; at++) await login(wrong, network(at))
  const before = await mails()

  for (let at = 1; at <= 12; at++) await login(password, network(100 + at))

  t.equal((await mails()) - before, 10)
})
