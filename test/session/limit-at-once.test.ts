import t, { type Test } from 'tap'
import type { Answer } from '../contract-client.ts'
import { type Api, newKey, type Settings } from '../helper.ts'
import { pair } from '../pair.ts'
import { email, password } from '../password/with-password.ts'

type SignIn = () => Promise<Answer>

/** Two instances, and sign-ins of which each begins before any of them ends: none sees what another one opens. */
async function startTwo(t: Test, settings: Settings = {}) {
  const world = await pair(t, { BCRYPT_COST: '4', ...settings })
  const { api, apis, hold, waiting, codeOf } = world

  const atOnce = async (signIns: readonly SignIn[]): Promise<Answer[]> => {
    const budgets = await hold('select from postern.address_budget for update')
    const answers: Promise<Answer>[] = []
    for (const signIn of signIns) {
      answers.push(signIn())
      await waiting(answers.length)
    }
    await budgets.query('commit')
    return await Promise.all(answers)
  }
  /** Six sign-ins with mailed codes, by turns at either instance. */
  const sixByCode = async (): Promise<SignIn[]> =>
    (await world.askOften(6, email)).map(
      (challenge, nth) => () => (apis[nth % 2] as Api).verifyOtp({ challenge, code: codeOf(challenge) })
    )
  const sixByPassword = (): SignIn[] =>
    Array.from({ length: 6 }, (_, nth) => () => (apis[nth % 2] as Api).loginWithPassword({ email, password }))
  /** Those of the sessions that are still live. */
  const stillLive = async (answers: readonly Answer[]): Promise<Answer[]> => {
    const checks = await Promise.all(answers.map(({ body }) => api.getSession({ bearer: body.access_token })))
    return answers.filter((_, nth) => checks[nth]?.status === 200)
  }
  return { ...world, atOnce, sixByCode, sixByPassword, stillLive }
}

t.test(
  'of six sessions that are opened by code before any other is seen, four stay where that is the limit',
  async (t) => {
    const { sixByCode, atOnce, stillLive } = await startTwo(t, { SESSIONS_PER_USER: '4' })

    const answers = await atOnce(await sixByCode())

    t.ok(answers.every(({ status }) => status === 200))
    t.equal((await stillLive(answers)).length, 4)
  }
)

t.test('and so it is with six that are opened by password', async (t) => {
  const { api, signIn, sixByPassword, atOnce, stillLive } = await startTwo(t, { SESSIONS_PER_USER: '4' })
  const first = await signIn(email)
  await api.changePassword({ password }, { bearer: first.body.access_token })

  const answers = await atOnce(sixByPassword())

  t.ok(answers.every(({ status }) => status === 200))
  t.equal((await stillLive([first, ...answers])).length, 4)
})

t.test('and so it is where codes open sessions while a password is on its way to be judged', async (t) => {
  const { api, signIn, sixByCode, hold, waiting, sql, stillLive } = await startTwo(t, { SESSIONS_PER_USER: '4' })
  const opened = [await signIn(email)]
  await api.changePassword({ password }, { bearer: opened[0]?.body.access_token })
  const byCode = (await sixByCode()).slice(0, 3)
  await sql(`create function postern.slow() returns trigger language plpgsql as $$ begin
    perform pg_advisory_xact_lock(1); return new; end $$`)
  await sql('create trigger slow before insert on postern.address_budget for each row execute function postern.slow()')
  const slow = await hold('select pg_advisory_xact_lock(1)')

  const byPassword = api.loginWithPassword({ email, password })
  await waiting(1)
  for (const signInByCode of byCode) opened.push(await signInByCode())
  await slow.query('commit')
  opened.push(await byPassword)

  t.ok(opened.every(({ status }) => status === 200))
  t.equal((await stillLive(opened)).length, 4)
})

t.test('of fourteen devices, six of them trusted before any other is seen, ten stay', async (t) => {
  const { api, signIn, sixByCode, atOnce } = await startTwo(t)
  for (let count = 1; count <= 8; count++) await signIn(email)

  const [answer] = await atOnce(await sixByCode())

  const { body } = await api.listDevices({ bearer: answer?.body.access_token })
  t.equal(body.devices.length, 10)
})

t.test(
  'while master keys are rotated, codes of either key at the same moment keep to the limit together',
  async (t) => {
    const older = newKey()
    const { api, another, atOnce, signIn, stillLive, codeOf, ...world } = await startTwo(t, {
      SECRET_KEYS: older,
      SESSIONS_PER_USER: '3'
    })
    const rotated = await another({ SECRET_KEYS: `${newKey()},${older}` })
    const opened = [await signIn(email), await signIn(email)]
    await world.emptyLanes()
    const { challenge } = (await api.requestOtp({ email })).body
    const renewed = (await rotated.api.requestOtp({ email })).body.challenge
    const read = rotated.ctx.secrets.readChallenge(renewed)
    const code = read && rotated.ctx.secrets.code(read)

    // Each key names a budget of its own for the address, so that neither of them meets the other one.
    opened.push(
      ...(await atOnce([
        () => api.verifyOtp({ challenge, code: codeOf(challenge) }),
        () => rotated.api.verifyOtp({ challenge: renewed, code: code as string })
      ]))
    )

    t.ok(opened.every(({ status }) => status === 200))
    t.equal((await stillLive(opened)).length, 3)
  }
)
