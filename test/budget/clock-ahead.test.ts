import t, { type Test } from 'tap'
import { type Settings, wrongCode } from '../helper.ts'
import { expireChallenges, keeperOf } from '../housekeeping/keeper.ts'
import { email, startWithPasswords, another as wrong } from '../password/with-password.ts'

/**
 * A world in which the clock of the database once ran a month ahead: the levels of that time have leaked until then already. A second
 * time they must not.
 */
async function withOtherClocks(t: Test, settings?: Settings) {
  const world = await startWithPasswords(t, settings)
  const move = (days: number) =>
    world.sql(
      `update postern.address_budget set code_level_at = code_level_at + $1 * interval '1 day',
         password_level_at = password_level_at + $1 * interval '1 day'`,
      [days]
    )
  return { ...world, rowsAreOfNextMonth: () => move(30), aMonthGoesBy: () => move(-30) }
}

t.test(
  'codes asked for while the clock is right again do not let the level leak for the same month twice',
  async (t) => {
    const { api, rowsAreOfNextMonth, aMonthGoesBy } = await withOtherClocks(t, { CODE_LENGTHEN_AT: '6' })
    const lengthOf = async () => (await api.requestOtp({ email })).body.code_length
    const first = await lengthOf()

    await rowsAreOfNextMonth()
    const second = await lengthOf()
    await aMonthGoesBy()

    t.strictSame([first, second, await lengthOf()], [6, 6, 8])
  }
)

t.test('nor do tries that are given back', async (t) => {
  const world = await withOtherClocks(t, { CODE_LENGTHEN_AT: '3' })
  const { api, codeOf, sql, rowsAreOfNextMonth, aMonthGoesBy } = world
  const { challenge } = (await api.requestOtp({ email })).body
  for (const _ of [1, 2, 3]) await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  await api.requestOtp({ email })

  await rowsAreOfNextMonth()
  await expireChallenges(sql)
  await (await keeperOf(world)).settle()
  await aMonthGoesBy()

  t.equal((await api.requestOtp({ email })).body.code_length, 8, 'the tries that were spent are still counted')
})

t.test('nor do passwords', async (t) => {
  const { login, rowsAreOfNextMonth, aMonthGoesBy } = await withOtherClocks(t)
  const guess = async () => (await login(wrong)).problem.code
  for (let round = 1; round <= 10; round++) await guess()

  await rowsAreOfNextMonth()
  const meanwhile = await guess()
  await aMonthGoesBy()

  t.strictSame([meanwhile, await guess()], ['code-required', 'code-required'])
})
