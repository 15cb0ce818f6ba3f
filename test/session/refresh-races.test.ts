import t from 'tap'
import { HOUR } from '../../src/lib/time.ts'
import { LATER, refused, SECOND, startSignedIn } from './signed-in.ts'

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

t.test('twenty refreshes at once over two instances are all answered, with one successor', async (t) => {
  const { token, refresh, api, another, letPass } = await startSignedIn(t)
  const second = await another()

  const answers = await times(20, (index) => refresh(token, index % 2 === 0 ? api : second.api))

  const successors = new Set(answers.map(({ body }) => body.refresh_token))
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(successors.size, 1)
  t.notOk(successors.has(token))
  await letPass(LATER)
  t.equal((await refresh([...successors][0])).status, 200, 'the successor goes on')
})

t.test('twenty refreshes at once after a lost reply are all answered, with one successor', async (t) => {
  const { token, refresh, step, api, another, letPass } = await startSignedIn(t)
  const second = await another()
  const lost = await step(token)
  await letPass(LATER)

  const answers = await times(20, (index) => refresh(token, index % 2 === 0 ? api : second.api))

  const successors = new Set(answers.map(({ body }) => body.refresh_token))
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(successors.size, 1)
  t.notOk(successors.has(lost))
})

t.test('a stolen token shown twenty times at once ends the session once', async (t) => {
  const { token, refresh, step, api, another, letPass, events } = await startSignedIn(t)
  const second = await another()
  await step(await step(await step(token)))
  await letPass(LATER)

  const answers = await times(20, (index) => refresh(token, index % 2 === 0 ? api : second.api))

  for (const answer of answers) refused(t, answer, 'refresh-rejected')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('a sign-out in the midst of refreshes is final', async (t) => {
  const { token, refresh, api, another, session } = await startSignedIn(t)
  const second = await another()

  const [left, ...answers] = await Promise.all([
    second.api.logout({ refresh_token: token }),
    ...Array.from({ length: 20 }, (_, index) => refresh(token, index % 2 === 0 ? api : second.api))
  ])

  t.equal(left.status, 204)
  t.ok(answers.every(({ status }) => status === 200 || status === 401))
  for (const { body } of answers.filter(({ status }) => status === 200)) {
    refused(t, await refresh(body.refresh_token), 'refresh-rejected')
    refused(t, await api.getSession({ bearer: body.access_token }), 'session-rejected')
  }
  refused(t, await refresh(token), 'refresh-rejected')
  refused(t, await api.getSession({ bearer: session.access_token }), 'session-rejected')
})

for (const [order, frontFirst] of [
  ['in front', true],
  ['behind', false]
] as const)
  t.test(`two tabs, one a step behind, wake after two hours, the one ${order} first: both go on`, async (t) => {
    const { token, step, refresh, api, another, letPass } = await startSignedIn(t)
    const second = await another()
    const [behind, front] = [token, await step(token)]
    await letPass(2 * HOUR)

    const first = await refresh(frontFirst ? front : behind)
    await letPass(SECOND)
    const next = await refresh(frontFirst ? behind : front, second.api)

    t.strictSame([first.status, next.status], [200, 200])
    t.equal(next.body.refresh_token, first.body.refresh_token, 'both tabs hold the current token')
    for (const { body } of [first, next]) t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
    await letPass(2 * HOUR)
    const [again, andAgain] = [await refresh(first.body.refresh_token), await refresh(next.body.refresh_token)]
    t.strictSame([again.status, andAgain.status], [200, 200], 'and so they do two hours later')
  })

t.test(
  'the tab behind goes on too where the one in front has to ask again, at once or for a reply that was lost',
  async (t) => {
    for (const pause of [SECOND, 70]) {
      const { token, step, letPass } = await startSignedIn(t)
      const front = await step(token)
      await letPass(2 * HOUR)

      await step(front)
      await letPass(pause)
      const again = await step(front)

      t.equal(await step(token), again, `after ${pause} s`)
    }
  }
)

t.test('the token that two tabs have in common is dead once both have gone on', async (t) => {
  const { token, step, refresh, letPass, events } = await startSignedIn(t)
  await step(token) // lost
  await letPass(61)
  const first = await step(token)
  await letPass(61)
  const second = await step(token) // by the other tab
  t.equal(await step(first), second)

  refused(t, await refresh(token), 'refresh-rejected')
  refused(t, await refresh(second), 'refresh-rejected')
  t.equal((await events('refresh_token_reused')).length, 1)
})

t.test('two tabs, one a step behind, wake at the same moment on two instances: both go on', async (t) => {
  const { token, step, refresh, another, letPass } = await startSignedIn(t)
  const second = await another()
  let [behind, front] = [token, await step(token)]

  for (let round = 1; round <= 20; round++) {
    await letPass(2 * HOUR)
    const answers = await Promise.all([refresh(front), refresh(behind, second.api)])

    t.strictSame(
      answers.map(({ status }) => status),
      [200, 200]
    )
    t.equal(answers[0].body.refresh_token, answers[1].body.refresh_token)
    await letPass(10 * SECOND)
    behind = answers[0].body.refresh_token
    front = await step(behind)
  }
})
