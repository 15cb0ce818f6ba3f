import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { otherDays } from '../days.ts'
import { pair, withKey } from '../pair.ts'

const email = 'maya@example.com'

/** Two instances, whose clocks are at noon of a day counted from today, and requests for codes with one key. */
async function withDays(t: Test) {
  const goTo = otherDays(t)
  goTo(0)
  const world = await pair(t)
  const headers = withKey(randomUUID())
  const ask = (at: 0 | 1 = 0, to = email) => world.apis[at].requestOtp({ email: to }, headers)
  /** What is left when the rows of codes have been purged. */
  const purge = () => world.sql('delete from postern.challenge')
  return { ...world, goTo, headers, ask, purge }
}

t.test('a key that is used again after its row has gone makes another code', async (t) => {
  const { goTo, ask, purge, codeOf } = await withDays(t)
  const first = (await ask()).body.challenge
  await purge()

  goTo(3)
  const second = (await ask()).body.challenge

  t.not(second, first)
  t.not(codeOf(second), codeOf(first))
})

t.test('a sign-in with an old key opens a session of its own, and hurts nobody who signs in beside it', async (t) => {
  const { goTo, ask, purge, codeOf, apis, headers, traces } = await withDays(t)
  const [api] = apis
  const signIn = (challenge: string, options = headers) =>
    api.verifyOtp({ challenge, code: codeOf(challenge) }, options)
  const first = await signIn((await ask()).body.challenge)
  await purge()

  goTo(3)
  const again = (await ask()).body.challenge
  const others = await Promise.all(
    [1, 2, 3].map(async (at) => (await api.requestOtp({ email: `other-${at}@example.com` })).body.challenge)
  )
  const answers = await Promise.all([
    signIn(again),
    ...others.map((challenge) => signIn(challenge, withKey(randomUUID())))
  ])

  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200, 200]
  )
  t.not(answers[0]?.body.session.id, first.body.session.id)
  t.match(await traces(), { sessions: 5, users: 4 })
})

t.test('a retry on the other side of midnight has the same challenge, one mail and one charge', async (t) => {
  for (const days of [1, -1]) {
    const { goTo, ask, codeOf, apis, headers, traces, inbox, mailedCode } = await withDays(t)
    const first = await ask()

    goTo(days)
    const retry = await ask(1)

    t.equal(retry.status, 202)
    t.equal(retry.body.challenge, first.body.challenge)
    t.equal(retry.body.reference, first.body.reference)
    t.equal(await mailedCode(email), codeOf(retry.body.challenge))
    t.match(await traces(), { challenges: 1, mails: 1, level: 3 })
    t.equal(inbox?.mails(email).length, 1)
    const { challenge } = retry.body
    const verified = await apis[1].verifyOtp({ challenge, code: codeOf(challenge) }, headers)
    t.equal(verified.status, 200)
  }
})

t.test('retries on both sides of midnight, one after the other, find what the first made', async (t) => {
  const { goTo, ask, traces } = await withDays(t)
  goTo(1)
  const first = (await ask()).body.challenge

  const retries: string[] = []
  for (const days of [0, 2, 1]) {
    goTo(days)
    retries.push((await ask(1)).body.challenge)
  }

  t.same(retries, [first, first, first])
  t.match(await traces(), { challenges: 1, mails: 1 })
})

t.test('who leaves and comes back on the same day with the same keys is let in', async (t) => {
  const { ask, codeOf, apis, headers } = await withDays(t)
  const signIn = async () => {
    const { challenge } = (await ask()).body
    return await apis[0].verifyOtp({ challenge, code: codeOf(challenge) }, headers)
  }
  const first = await signIn()
  t.equal((await apis[0].deleteMe({ bearer: first.body.access_token })).status, 204)

  const again = await signIn()

  t.equal(again.status, 200)
  t.not(again.body.user.id, first.body.user.id)
})

t.test('where a key has made two challenges, days apart, a request between them meets the older', async (t) => {
  for (const days of [
    [0, 2],
    [2, 0]
  ]) {
    const { goTo, ask } = await withDays(t)
    const made: string[] = []
    for (const day of days) {
      goTo(day)
      made.push((await ask()).body.challenge)
    }

    goTo(1)
    const between = [await ask(0), await ask(1)].map(({ body }) => body.challenge)

    t.not(made[0], made[1])
    t.strictSame(between, [made[0], made[0]], `${days}`)
  }
})
