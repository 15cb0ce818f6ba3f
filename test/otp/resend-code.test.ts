import t from 'tap'
import { malformed } from '../contract-client.ts'
import { codeIn, start, until, wrongCode } from '../helper.ts'
import { pair } from '../pair.ts'

const email = 'maya@example.com'

/** A world in which a code was asked for and mailed, and time can be moved on. */
async function asked(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, settings)
  const { body } = await world.api.requestOtp({ email })
  await world.newestMail(email)
  const later = (seconds: number) =>
    world.sql(
      `update postern.challenge set sent_at = sent_at - $1 * interval '1 second', expires_at = expires_at - $1 * interval '1 second'`,
      [seconds]
    )
  const mails = (count: number) =>
    until(() => (world.inbox?.mails(email).length === count ? world.inbox.mails(email) : undefined))
  const promised = async () => (await world.sql('select id from postern.mail')).length
  return { ...world, challenge: body.challenge as string, first: body, later, mails, promised }
}

t.test('a resend mails the same code in a mail of its own, under the same reference', async (t) => {
  const { api, challenge, first, later, mails, codeOf } = await asked(t)
  await later(31)

  const { status, body } = await api.resendOtp({ challenge })
  const [second, original] = await mails(2)

  t.equal(status, 202)
  t.equal(body.challenge, challenge)
  t.equal(body.reference, first.reference)
  t.equal(codeIn(second?.text ?? ''), codeOf(challenge))
  t.equal(codeIn(original?.text ?? ''), codeOf(challenge))
  t.not(second?.message_id, original?.message_id)
  t.match(second?.message_id, /^<[0-9a-f-]{36}@localhost>$/)
})

t.test('of a code with seconds left the mail says one minute, and never none', async (t) => {
  const { api, challenge, later, mails } = await asked(t)
  await later(570)

  await api.resendOtp({ challenge })

  t.match((await mails(2))[0]?.text, /\b1 minute\b/)
})

t.test('a resend changes neither the end of the code nor its tries', async (t) => {
  const { api, challenge, later, codeOf } = await asked(t)
  await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  await later(200)

  const { body } = await api.resendOtp({ challenge })

  t.match(body, { tries: 2, resend_in: 30, resends_left: 2 })
  t.ok(body.expires_in <= 400 && body.expires_in > 390, `${body.expires_in} s are left`)
})

t.test('the mail tells how long the code is still good for', async (t) => {
  const { api, challenge, later, mails } = await asked(t)
  await later(301)

  await api.resendOtp({ challenge })

  t.match((await mails(2))[0]?.text, '5 minutes')
})

t.test('before its time a resend is refused with the seconds to wait, and mails nothing', async (t) => {
  const { api, challenge, later, promised } = await asked(t)
  await later(20)

  const { status, problem, headers } = await api.resendOtp({ challenge })

  const wait = Number(headers.get('retry-after'))
  t.equal(status, 429)
  t.equal(problem.code, 'too-many-requests')
  t.ok(wait >= 5 && wait <= 10, `${wait} s`)
  t.equal(await promised(), 1)
})

t.test('the answer says when and how often a code may be mailed again, and that is kept', async (t) => {
  const { api, challenge, first, later } = await asked(t, { CODE_RESEND_AFTER: '60', CODE_RESENDS: '2' })
  t.match(first, { resend_in: 60, resends_left: 2 })

  await later(60)
  const once = await api.resendOtp({ challenge })
  await later(60)
  const twice = await api.resendOtp({ challenge })
  await later(60)
  const thrice = await api.resendOtp({ challenge })

  t.match(once.body, { resend_in: 60, resends_left: 1 })
  t.match(twice.body, { resend_in: 60, resends_left: 0 })
  t.equal(thrice.status, 429)
})

t.test('out of resends, the wait lasts until the code is over', async (t) => {
  const { api, challenge, later, promised } = await asked(t, { CODE_RESENDS: '0' })
  await later(100)

  const { status, headers } = await api.resendOtp({ challenge })

  const wait = Number(headers.get('retry-after'))
  t.equal(status, 429)
  t.ok(wait > 480 && wait <= 500, `${wait} s`)
  t.equal(await promised(), 1)
})

t.test('three resends are what the defaults allow', async (t) => {
  const { api, challenge, later, mails } = await asked(t)

  const statuses = []
  for (let round = 1; round <= 4; round++) {
    await later(31)
    statuses.push((await api.resendOtp({ challenge })).status)
  }

  t.same(statuses, [202, 202, 202, 429])
  const ids = (await mails(4)).map((mail) => mail.message_id)
  t.equal(new Set(ids).size, 4)
})

t.test('20 resends at once over two instances mail once', async (t) => {
  const { apis, sql, traces, hold, waiting } = await pair(t)
  const { challenge } = (await apis[0].requestOtp({ email })).body
  await sql(`update postern.challenge set sent_at = sent_at - interval '31 s'`)
  const holder = await hold('select from postern.challenge for update')

  const resends = Promise.all(
    Array.from({ length: 20 }, (_, index) => apis[index % 2 ? 1 : 0].resendOtp({ challenge }))
  )
  await waiting(20) // all have seen that the time has come
  await holder.query('commit')
  const answers = await resends

  t.equal(answers.filter(({ status }) => status === 202).length, 1)
  const refused = answers.filter(({ status }) => status === 429)
  t.equal(refused.length, 19)
  for (const { headers } of refused) t.match(headers.get('retry-after'), /^([1-9]|[12][0-9]|3[0-4])$/)
  t.match(await traces(), { challenges: 1, mails: 2 })
  t.match(await sql('select sends from postern.challenge'), [{ sends: 2 }])
})

t.test('a code that was used, used up or has expired is not mailed again', async (t) => {
  const { api, challenge: used, later, codeOf, promised } = await asked(t)
  await api.verifyOtp({ challenge: used, code: codeOf(used) })
  const { challenge: usedUp } = (await api.requestOtp({ email: 'ines@example.com' })).body
  for (let guess = 1; guess <= 3; guess++) await api.verifyOtp({ challenge: usedUp, code: wrongCode(codeOf(usedUp)) })
  await later(31)
  const refusals = [await api.resendOtp({ challenge: used }), await api.resendOtp({ challenge: usedUp })]
  const { challenge: expired } = (await api.requestOtp({ email: 'lund@example.com' })).body
  await later(600)
  refusals.push(await api.resendOtp({ challenge: expired }))

  for (const { status, problem } of refusals)
    t.match({ status, problem }, { status: 401, problem: { code: 'code-rejected' } })
  t.equal(await promised(), 3)
})

t.test('a challenge that is not ours is refused, and one of a wrong shape is told so', async (t) => {
  const { api, challenge } = await asked(t)
  const stranger = await asked(t)
  const forged = [
    stranger.challenge,
    `${challenge}A`,
    challenge.slice(0, -1),
    'x',
    '\u0000',
    '"\\ud800"',
    'a'.repeat(512)
  ]
  const shapeless = [
    undefined,
    {},
    { challenge: '' },
    { challenge: 7 },
    { challenge: null },
    { challenge: 'a'.repeat(513) }
  ]

  for (const token of forged) {
    const { status, problem } = await api.resendOtp(
      token.startsWith('"') ? malformed(`{"challenge":${token}}`) : { challenge: token }
    )
    t.match({ status, problem }, { status: 401, problem: { code: 'code-rejected' } })
  }
  for (const body of shapeless) {
    const { status, problem } = await api.resendOtp(malformed(body))
    t.match({ status, problem }, { status: 400, problem: { errors: [{ pointer: '/challenge' }] } })
  }
})
