import t from 'tap'
import type { Context } from '../../src/context.ts'
import { newId } from '../../src/lib/identifier.ts'
import { verifyCode } from '../../src/otp/verify-code.ts'
import { start } from '../helper.ts'

const email = 'maya@example.com'

const verify = (ctx: Context, challenge: string, code: string) =>
  verifyCode(
    ctx,
    { challenge, code, idempotencyKey: undefined, session: undefined },
    { network: null, agent: null, requestId: newId() }
  )

/** Two codes of one address, asked for before and after its budget moved to another row, as when the master keys are rotated. */
async function rotated(...[t]: Parameters<typeof start>) {
  const world = await start(t)
  const challenges = await world.askOften(2, email)
  const [first, second] = challenges.map((challenge) => ({
    challenge,
    code: world.codeOf(challenge),
    id: world.ctx.secrets.readChallenge(challenge)?.id
  })) as [Guess, Guess]
  await world.sql(`insert into postern.address_budget (key, code_level) values ('\\x01', 3)`)
  await world.sql(`update postern.challenge set budget_key = '\\x01' where id = $1`, [second.id])
  return { ...world, first, second }
}
type Guess = { challenge: string; code: string; id: string }

for (const known of [false, true])
  t.test(
    `two right codes of ${known ? 'an account' : 'a new address'} with two budget rows are two sessions`,
    async (t) => {
      const { ctx, first, second, signIn, sql } = await rotated(t)
      if (known) await signIn(email)
      const before = (await sql('select id from postern.session')).length

      const [one, other] = await Promise.all([first, second].map(({ challenge, code }) => verify(ctx, challenge, code)))

      t.equal(one?.user.id, other?.user.id)
      t.not(one?.session.id, other?.session.id)
      t.not(one?.refresh_token, other?.refresh_token)
      t.equal((await sql('select id from postern.session')).length - before, 2)
      t.match(await sql('select used_at from postern.challenge where id = any($1)', [[first.id, second.id]]), [
        { used_at: Date },
        { used_at: Date }
      ])
    }
  )

t.test('a wrong code beside a right one of the other budget row costs a try, and nobody else anything', async (t) => {
  const { ctx, first, second, sql, wrongCode } = await rotated(t)

  const [wrongly, rightly] = await Promise.allSettled([
    verify(ctx, first.challenge, wrongCode(first.code)),
    verify(ctx, second.challenge, second.code)
  ])

  t.match(wrongly, { status: 'rejected', reason: { code: 'code-rejected' } })
  t.equal(rightly?.status, 'fulfilled')
  t.match(await sql('select tries_left from postern.challenge where id = $1', [first.id]), [{ tries_left: 2 }])
})
