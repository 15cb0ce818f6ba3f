import { randomUUID } from 'node:crypto'
import t from 'tap'
import { wrongCode } from '../helper.ts'
import { pair, withKey } from '../pair.ts'

const email = 'maya@example.com'

t.test('a request for a code that is repeated has the same challenge, one mail and one charge', async (t) => {
  const { apis, mailedCode, traces, inbox } = await pair(t)
  const key = randomUUID()

  const first = await apis[0].requestOtp({ email }, withKey(key))
  const again = await apis[1].requestOtp({ email }, withKey(key))
  const spelled = await apis[0].requestOtp({ email: ' MAYA@Example.com' }, withKey(key.toUpperCase()))

  t.same([again.status, spelled.status], [202, 202])
  for (const { body } of [again, spelled]) {
    t.equal(body.challenge, first.body.challenge)
    t.equal(body.reference, first.body.reference)
  }
  t.match(await traces(), { challenges: 1, mails: 1, level: 3 })
  t.equal((await apis[0].verifyOtp({ challenge: again.body.challenge, code: await mailedCode(email) })).status, 200)
  t.equal(inbox?.mails(email).length, 1)
})

t.test('a repeat says that nothing is left of a code that is used, guessed out or run out', async (t) => {
  const { apis, codeOf, traces, sql } = await pair(t)
  const [usedKey, guessedKey, lateKey] = [randomUUID(), randomUUID(), randomUUID()]
  const used = (await apis[0].requestOtp({ email }, withKey(usedKey))).body.challenge
  await apis[0].verifyOtp({ challenge: used, code: codeOf(used) })
  const guessed = (await apis[0].requestOtp({ email }, withKey(guessedKey))).body.challenge
  for (let guess = 1; guess <= 3; guess++)
    await apis[0].verifyOtp({ challenge: guessed, code: wrongCode(codeOf(guessed)) })
  const late = (await apis[0].requestOtp({ email }, withKey(lateKey))).body.challenge
  await sql('update postern.challenge set expires_at = now() where used_at is null and tries_left > 0')

  const repeats = [
    await apis[1].requestOtp({ email }, withKey(usedKey)),
    await apis[1].requestOtp({ email }, withKey(guessedKey)),
    await apis[1].requestOtp({ email }, withKey(lateKey))
  ]

  t.strictSame(
    repeats.map(({ body }) => [body.challenge, body.expires_in, body.tries, body.resends_left]),
    [used, guessed, late].map((challenge) => [challenge, 0, 0, 0])
  )
  t.match(await traces(), { challenges: 3, mails: 3 })
})

t.test('a repeat tells what is left of time, tries and resends', async (t) => {
  const { apis, codeOf, sql } = await pair(t)
  const key = randomUUID()
  const { challenge } = (await apis[0].requestOtp({ email }, withKey(key))).body
  await apis[0].verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  await sql(
    `update postern.challenge set expires_at = expires_at - interval '100.1 s', sent_at = sent_at - interval '20 s'`
  )

  const { body } = await apis[1].requestOtp({ email }, withKey(key))

  t.match(body, { challenge, tries: 2, resends_left: 3 })
  t.ok(body.expires_in < 500 && body.expires_in > 480, 'whole seconds, and none that it is not good for')
  t.ok(body.resend_in <= 10 && body.resend_in > 0)
})

t.test('who waits as long as a repeat says has not come too early', async (t) => {
  const { apis, sql } = await pair(t)
  const later = (seconds: number) =>
    sql(`update postern.challenge set sent_at = sent_at - $1 * interval '1 second'`, [seconds])
  const key = randomUUID()
  await apis[0].requestOtp({ email }, withKey(key))
  await later(20.1)

  const { body } = await apis[1].requestOtp({ email }, withKey(key))
  await later(body.resend_in)

  t.equal((await apis[0].resendOtp({ challenge: body.challenge })).status, 202)
})

t.test('repeats that run side by side on two instances have one challenge, one mail and one charge', async (t) => {
  const { apis, traces } = await pair(t)
  const key = randomUUID()

  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, index) => apis[index % 2 ? 1 : 0].requestOtp({ email }, withKey(key)))
  )

  t.same([...new Set(answers.map(({ status }) => status))], [202])
  t.equal(new Set(answers.map(({ body }) => body.challenge)).size, 1)
  t.match(await traces(), { challenges: 1, mails: 1, level: 3 })
})

t.test('a repeat is charged once also when others ask for the same address in between', async (t) => {
  const { apis, traces, hold, waiting } = await pair(t)
  const key = randomUUID()
  await apis[0].requestOtp({ email })
  const holder = await hold('select from postern.address_budget for update')

  const first = apis[0].requestOtp({ email }, withKey(key))
  await waiting(1)
  const other = apis[0].requestOtp({ email: 'MAYA@example.com' })
  await waiting(2)
  const again = apis[1].requestOtp({ email }, withKey(key))
  await waiting(3)
  await holder.query('commit')
  const answers = await Promise.all([first, other, again])

  t.same(
    answers.map(({ status }) => status),
    [202, 202, 202]
  )
  t.equal(answers[2].body.challenge, answers[0].body.challenge)
  t.match(await traces(), { challenges: 3, mails: 3, level: 9 })
})

t.test('another key, another address and no key ask for a code of their own', async (t) => {
  const { apis, traces } = await pair(t)
  const key = randomUUID()
  const [api] = apis

  const answers = [
    await api.requestOtp({ email }, withKey(key)),
    await api.requestOtp({ email }, withKey(randomUUID())),
    await api.requestOtp({ email: 'ines@example.com' }, withKey(key)),
    await api.requestOtp({ email }),
    await api.requestOtp({ email })
  ]

  t.equal(new Set(answers.map(({ body }) => body.challenge)).size, 5)
  t.match(await traces(), { challenges: 5, mails: 5 })
})

t.test('a key that is no UUID is refused', async (t) => {
  const { apis, traces } = await pair(t)

  for (const key of ['1', 'retry', `${randomUUID()}0`, `{${randomUUID()}}`, ''])
    t.equal((await apis[0].requestOtp({ email }, withKey(key))).status, 400, key)

  t.match(await traces(), { challenges: 0 })
})
