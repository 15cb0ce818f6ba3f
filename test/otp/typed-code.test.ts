import { randomUUID } from 'node:crypto'
import t from 'tap'
import { malformed } from '../contract-client.ts'
import { start } from '../helper.ts'
import { asked, email, rejected } from './asked.ts'

t.test('a code of digits may be typed and pasted in many ways', async (t) => {
  const { api, codeOf, signIn } = await asked(t)
  const ways: ((code: string) => string)[] = [
    (code) => `${code.slice(0, 3)} ${code.slice(3)}`,
    (code) => `${code.slice(0, 3)}-${code.slice(3)}`,
    (code) => ` ${[...code].join('\u2013')}\n`,
    (code) => `\ufeff${code.slice(0, 2)}\u00a0${code.slice(2)}\u200b`,
    (code) => code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
  ]
  await signIn(email)

  for (const typed of ways) {
    const { challenge } = (await api.requestOtp({ email: `${randomUUID()}@example.com` })).body
    t.equal((await api.verifyOtp({ challenge, code: typed(codeOf(challenge)) })).status, 200)
  }
})

t.test('a code of letters forgives small letters, look-alikes and groups', async (t) => {
  const { api, codeOf } = await start(t, { CODE_LENGTHEN_AT: '0', CODE_STRENGTHEN_AT: '0' })
  const ways: ((code: string) => string)[] = [
    (code) => code.toLowerCase(),
    (code) => code.replaceAll('0', 'O').replaceAll('1', 'I'),
    (code) => code.replaceAll('0', 'o').replaceAll('1', 'l'),
    (code) => code.replaceAll('1', 'L').replace(/(.{4})/g, '$1-'),
    (code) => code.replace(/./g, (letter) => String.fromCodePoint((letter.codePointAt(0) as number) + 0xfee0))
  ]

  for (const typed of ways) {
    let challenge = ''
    // Only a code with both look-alikes shows that they are understood.
    do challenge = (await api.requestOtp({ email: `${randomUUID()}@example.com` })).body.challenge
    while (!/0.*1|1.*0/.test(codeOf(challenge)))
    t.equal((await api.verifyOtp({ challenge, code: typed(codeOf(challenge)) })).status, 200)
  }
})

t.test('what holds no code at all is told so and costs nothing', async (t) => {
  const { api, challenge, code, triesLeft } = await asked(t)

  for (const empty of [' ', '- -', '\u2014\u200b', '\n', ' '.repeat(512), '', 7, 123456, null, [code], {}]) {
    const { status, problem } = await api.verifyOtp(malformed({ challenge, code: empty }))
    t.match({ status, problem }, { status: 400, problem: { code: 'invalid-request', errors: [{ pointer: '/code' }] } })
  }

  t.equal((await api.verifyOtp(malformed({ challenge }))).status, 400)
  t.equal((await api.verifyOtp({ challenge, code: '1'.repeat(513) })).status, 400)
  t.equal(await triesLeft(), 3)
  t.equal((await api.verifyOtp({ challenge, code })).status, 200)
})

t.test('everything else that is not the code costs a try', async (t) => {
  const { api, codeOf, sql } = await start(t)
  const others = [
    '.',
    '0',
    'O',
    '_',
    '\u0000',
    '12345',
    '1234567',
    '1'.repeat(512),
    '🙂'.repeat(512),
    "' or 1=1",
    '\ufdfa'
  ]
  const guesses = [...others.map((code) => JSON.stringify(code)), '"\\ud800"', '"\\udc00\\u0000"']

  for (const guess of guesses) {
    const { challenge } = (await api.requestOtp({ email: `${randomUUID()}@example.com` })).body
    const answer = await api.verifyOtp(malformed(`{"challenge":"${challenge}","code":${guess}}`))
    t.match(answer, rejected, guess)
  }
  const { challenge } = (await api.requestOtp({ email })).body
  t.match(await api.verifyOtp({ challenge, code: `${codeOf(challenge)}0` }), rejected)

  const rows = await sql('select distinct tries_left from postern.challenge')
  t.same(rows, [{ tries_left: 2 }])
})

t.test(
  'any text of up to 512 characters is judged as a challenge, longer and shapeless ones are refused',
  async (t) => {
    const { api, challenge, code } = await asked(t)
    const foreign = await asked(t)
    const texts = [
      'x',
      ' ',
      '\u0000',
      'a'.repeat(512),
      '🙂'.repeat(512),
      `chl_${'A'.repeat(51)}`,
      `${challenge}=`,
      ` ${challenge}`
    ]
    const tokens = [...texts, challenge.toUpperCase(), foreign.challenge].map((text) => JSON.stringify(text))
    const shapeless = [
      '""',
      '7',
      'null',
      'true',
      '[]',
      '{}',
      JSON.stringify('a'.repeat(513)),
      JSON.stringify('🙂'.repeat(513))
    ]

    for (const token of [...tokens, '"\\ud800"', '"chl_\\udfff\\u0000"'])
      t.match(await api.verifyOtp(malformed(`{"challenge":${token},"code":"${code}"}`)), rejected, token.slice(0, 80))
    for (const token of shapeless) {
      const { status, problem } = await api.verifyOtp(malformed(`{"challenge":${token},"code":"${code}"}`))
      t.match(
        { status, problem },
        { status: 400, problem: { errors: [{ pointer: '/challenge' }] } },
        token.slice(0, 80)
      )
    }
    t.equal((await api.verifyOtp(malformed({ code }))).status, 400)
  }
)
