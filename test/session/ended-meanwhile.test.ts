import t, { type Test } from 'tap'
import { pair } from '../pair.ts'
import { email, another as otherPassword, password } from '../password/with-password.ts'

/** Somebody with a password who is signed in twice, and a stranger's hands on the older session. */
async function startTwice(t: Test) {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const { api, second, sql } = world
  const first = (await world.signIn(email)).body
  await api.changePassword({ password }, { bearer: first.access_token })
  const stolen = (await api.loginWithPassword({ email, password })).body
  const owner = (await api.loginWithPassword({ email, password })).body
  const change = () =>
    api.changePassword({ current_password: password, password: otherPassword }, { bearer: stolen.access_token })
  const leave = () => api.deleteMe({ bearer: stolen.access_token })
  const endOthers = () => second.api.endOtherSessions({ bearer: owner.access_token })
  /** Whatever is under way stops at the address's first lock, long after its session was looked at. */
  const holdBudget = () => world.hold('select from postern.address_budget for update')
  const isAsBefore = async () => {
    await world.emptyLanes()
    return (await api.loginWithPassword({ email, password })).status === 200
  }
  return { ...world, stolen, owner, change, leave, endOthers, holdBudget, isAsBefore, sql }
}

const refusal = { status: 401, code: 'session-rejected' }

for (const [what, act] of [
  ['a change of the password', 'change'],
  ['a leaving', 'leave']
] as const) {
  t.test(`${what} is refused when its session was ended on the way`, async (t) => {
    const world = await startTwice(t)
    const held = await world.holdBudget()

    const acting = world[act]()
    await world.waiting(1)
    const ended = await world.endOthers()
    await held.query('commit')

    t.match(ended.body, { sessions_ended: Number })
    t.match((await acting).problem, refusal)
    t.ok(await world.isAsBefore())
    t.equal((await world.api.getSession({ bearer: world.owner.access_token })).status, 200)
  })

  t.test(`${what} that meets the end of its session waits for it, and is refused`, async (t) => {
    const world = await startTwice(t)
    const { session } = world.stolen
    const ending = await world.hold(`update postern.session set revoked_at = now() where id = '${session.id}'`)

    const acting = world[act]()
    await world.waiting(1)
    await ending.query('commit')

    t.match((await acting).problem, refusal)
    t.ok(await world.isAsBefore())
  })

  t.test(`${what} is refused when the account was closed, or signed out, on the way`, async (t) => {
    for (const set of ['disabled_at = now()', 'credential_version = credential_version + 1']) {
      const world = await startTwice(t)
      const held = await world.holdBudget()

      const acting = world[act]()
      await world.waiting(1)
      await world.sql(`update postern."user" set ${set}`)
      await held.query('commit')

      t.match((await acting).problem, refusal, set)
      await world.sql('update postern."user" set disabled_at = null')
      t.ok(await world.isAsBefore())
    }
  })

  t.test(`${what} that meets a refresh of its session, or a change of the language, goes on`, async (t) => {
    for (const other of ['session set generation = generation + 1', `"user" set locale = 'de'`]) {
      const world = await startTwice(t)
      const change = await world.hold(`update postern.${other}`)

      const acting = world[act]()
      await world.waiting(1)
      await change.query('commit')

      t.ok([200, 204].includes((await acting).status), other)
      t.notOk(await world.isAsBefore())
    }
  })
}
