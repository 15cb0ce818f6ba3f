import t from 'tap'
import { codeIn, start, until, wrongCode } from '../helper.ts'

const email = 'maya@example.com'
const DAY = 86_400

/** A world in which codes are asked for one address, and its level can be read and left alone for a time. */
async function watched(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, settings)
  const ask = async (to = email) => {
    await world.emptyLanes()
    return (await world.api.requestOtp({ email: to })).body
  }
  const askOften = async (times: number) => {
    const forms: string[] = []
    for (let round = 1; round <= times; round++) {
      const { code_length, code_alphabet } = await ask()
      forms.push(`${code_length} ${code_alphabet}`)
    }
    return forms
  }
  const level = async () => Number((await world.sql('select code_level from postern.address_budget'))[0]?.code_level)
  const rest = (seconds: number) =>
    world.sql(`update postern.address_budget set code_level_at = code_level_at - $1 * interval '1 second'`, [seconds])
  return { ...world, ask, askOften, level, rest }
}

const near = (value: number, expected: number): boolean => Math.abs(value - expected) < 0.001

t.test('the code grows with the codes that were asked for and not used, and never locks the account', async (t) => {
  const { askOften, ask, codeOf, api } = await watched(t)

  const forms = await askOften(14)

  t.same(forms, [...Array(3).fill('6 digits'), ...Array(7).fill('8 digits'), ...Array(4).fill('13 base32')])
  const { challenge } = await ask()
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)
})

t.test('each form of code arrives by mail as announced and signs in', async (t) => {
  const { ask, inbox, api, codeOf } = await watched(t, { CODE_LENGTHEN_AT: '3', CODE_STRENGTHEN_AT: '6' })

  for (const form of [/^\d{6}$/, /^\d{8}$/, /^[0-9A-HJKMNP-TV-Z]{13}$/]) {
    const { challenge, reference } = await ask()
    const mail = await until(() => inbox?.mails(email).find(({ text }) => text.includes(reference)))
    const code = codeIn(mail.text)

    t.match(code, form)
    t.equal(code, codeOf(challenge))
  }
  const { challenge } = await ask()
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200)
})

t.test('the failures of a code that nobody guesses are not counted', async (t) => {
  const { ask, askOften, level, codeOf, api } = await watched(t)
  await askOften(10)
  const full = await level()

  const { challenge } = await ask()
  for (let guess = 1; guess <= 3; guess++) await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })

  t.ok(near(full, 30))
  t.ok(near(await level(), 30))
})

t.test('the level leaks by ten in thirty days', async (t) => {
  const { askOften, level, rest } = await watched(t)
  await askOften(3)

  await rest(6 * DAY)
  t.same(await askOften(1), ['6 digits'], 'two have leaked of nine, and three more make ten')
  t.ok(near(await level(), 10))
  t.same(await askOften(1), ['8 digits'])
  t.ok(near(await level(), 13))
  await rest(18 * DAY)
  t.same(await askOften(1), ['6 digits'])
  t.ok(near(await level(), 10))
})

t.test('however long it rests, a level ends at nothing', async (t) => {
  const { askOften, level, rest } = await watched(t)
  await askOften(3)
  await rest(1000 * DAY)

  await askOften(1)

  t.ok(near(await level(), 3))
})

t.test('a right code gives back all that its challenge cost, its wrong tries too', async (t) => {
  const { ask, level, codeOf, api } = await watched(t)
  const { challenge } = await ask()
  for (let guess = 1; guess <= 2; guess++) await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })
  t.ok(near(await level(), 3))

  await api.verifyOtp({ challenge, code: codeOf(challenge) })

  t.ok(near(await level(), 0))
})

t.test('whoever signs in every time keeps short codes for ever', async (t) => {
  const { ask, level, codeOf, api } = await watched(t)

  const lengths = []
  for (let round = 1; round <= 12; round++) {
    const { challenge, code_length } = await ask()
    await api.verifyOtp({ challenge, code: codeOf(challenge) })
    lengths.push(code_length)
  }

  t.same(lengths, Array(12).fill(6))
  t.ok(near(await level(), 0))
})

t.test('signing in gives back nothing of what other challenges cost', async (t) => {
  const { ask, askOften, level, codeOf, api } = await watched(t)
  await askOften(2)
  const { challenge } = await ask()

  await api.verifyOtp({ challenge, code: codeOf(challenge) })
  await api.verifyOtp({ challenge, code: codeOf(challenge) })

  t.ok(near(await level(), 6))
})

t.test('a right code of an address at rest does not take its level below nothing', async (t) => {
  const { ask, level, rest, codeOf, api } = await watched(t)
  const { challenge } = await ask()
  await rest(30 * DAY)

  await api.verifyOtp({ challenge, code: codeOf(challenge) })

  t.equal(await level(), 0)
})

t.test('wrong tries stay on the level of the address', async (t) => {
  const { ask, level, codeOf, api } = await watched(t)
  const { challenge } = await ask()

  for (let guess = 1; guess <= 4; guess++) await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })

  t.ok(near(await level(), 3))
})

t.test('a right code that opens nothing gives its charge back once and no more', async (t) => {
  const { ask, askOften, level, codeOf, api, signIn, sql } = await watched(t)
  await signIn(email)
  await sql('delete from postern.known_network')
  await askOften(2)
  const { challenge } = await ask()
  await sql('update postern."user" set disabled_at = now()')

  for (let round = 1; round <= 3; round++) await api.verifyOtp({ challenge, code: codeOf(challenge) })

  t.ok(near(await level(), 6))
})

t.test('one address does not lengthen the codes of another', async (t) => {
  const { ask, askOften } = await watched(t)

  await askOften(5)

  t.equal((await ask('ines@example.com')).code_length, 6)
})

t.test('the operator may begin with longer codes, and allow other tries', async (t) => {
  const eight = await watched(t, { CODE_LENGTHEN_AT: '0', CODE_TRIES: '5' })
  const strong = await watched(t, { CODE_LENGTHEN_AT: '0', CODE_STRENGTHEN_AT: '0' })

  t.match(await eight.ask(), { code_length: 8, code_alphabet: 'digits', tries: 5 })
  t.ok(near(await eight.level(), 5))
  t.match(await strong.ask(), { code_length: 13, code_alphabet: 'base32', tries: 3 })
  t.equal(await strong.level(), 0)
})

t.test('an address takes no more guesses at eight digits than the operator allows', async (t) => {
  const fits = await watched(t, { CODE_LENGTHEN_AT: '0', CODE_STRENGTHEN_AT: '3' })
  const leavesRest = await watched(t, { CODE_LENGTHEN_AT: '0', CODE_STRENGTHEN_AT: '5' })

  for (const { askOften, level } of [fits, leavesRest]) {
    t.same(await askOften(2), ['8 digits', '13 base32'])
    t.ok(near(await level(), 3))
  }
})

t.test('with strict codes nobody gets fewer than eight digits, not even a device that is known', async (t) => {
  const { ask, api, signIn, sql } = await watched(t, { STRICT_CODES: 'on' })
  const stranger = await ask()
  const { device_token } = (await signIn(email)).body
  await sql('delete from postern.known_network')

  const known = (await api.requestOtp({ email, device_token })).body

  for (const body of [stranger, known]) t.match(body, { code_length: 8, code_alphabet: 'digits' })
  t.match(await sql('select pool from postern.challenge order by created_at desc limit 1'), [{ pool: /^device:/ }])
})
