import t from 'tap'
import { gathered } from '../../src/db/gather.ts'
import type { Db } from '../../src/db/tables.ts'
import { start } from '../helper.ts'

t.test('of many session checks at once each is answered for its own token', async (t) => {
  const { api, signIn } = await start(t)
  const sessions = await Promise.all(Array.from({ length: 30 }, (_, at) => signIn(`person${at}@example.com`)))
  const ended = new Set(sessions.filter((_, at) => at % 3 === 0).map(({ body }) => body.session.id))
  await Promise.all(
    sessions
      .filter(({ body }) => ended.has(body.session.id))
      .map(({ body }) => api.logout({ refresh_token: body.refresh_token }))
  )

  const asked = Array.from({ length: 240 }, (_, at) => sessions[at % sessions.length]?.body)
  const answers = await Promise.all(asked.map((session) => api.getSession({ bearer: session.access_token })))

  for (const [at, answer] of answers.entries()) {
    const { session, user } = asked[at]
    if (ended.has(session.id)) t.match(answer, { status: 401, problem: { code: 'session-rejected' } })
    else t.match(answer, { status: 200, body: { session: { id: session.id }, user: { email: user.email } } })
  }
})

t.test('look-ups of one moment share statements of at most a hundred, and later ones get their own', async (t) => {
  const batches: number[] = []
  const look = gathered(async (_db: Db, keys: readonly number[]) => {
    batches.push(keys.length)
    return keys.flatMap((key, index) => (key % 2 === 0 ? [{ place: index + 1, key }] : []))
  })
  const db = {} as Db

  const found = await Promise.all(Array.from({ length: 250 }, (_, key) => look(db, key)))
  const later = await look(db, 4)

  t.strictSame(batches, [100, 100, 50, 1])
  t.ok(found.every((row, key) => (key % 2 === 0 ? row?.key === key : row === undefined)))
  t.equal(later?.key, 4)
})

t.test('a statement that fails fails for all who share it, and for nobody after', async (t) => {
  let broken = true
  const look = gathered(async (_db: Db, keys: readonly number[]) => {
    if (broken) throw new Error('out of reach')
    return keys.map((key, index) => ({ place: index + 1, key }))
  })
  const db = {} as Db

  const failed = await Promise.allSettled([look(db, 1), look(db, 2)])
  broken = false
  const found = await look(db, 3)

  t.ok(failed.every(({ status }) => status === 'rejected'))
  t.equal(found?.key, 3)
})
