import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import bcrypt from 'bcryptjs'
import t from 'tap'
import { type Settings, start } from './helper.ts'

/** What an address may be; the first is what every other is held against. */
const states = ['unknown', 'known', 'unverified', 'disabled', 'without password'] as const
type State = (typeof states)[number]

type Sent = { status: number; headers: string[]; body: string }

/** An answer as it was sent: names and order of headers too. */
async function post(base: string, path: string, body: object): Promise<Sent> {
  const sending = request(base + path, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' }
  })
  sending.end(JSON.stringify(body))
  const [answer] = (await once(sending, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, headers: answer.rawHeaders, body: await text(answer) }
}

/** What differs between any two answers: what is random, and clocks, each replaced by its form. */
function masked({ status, headers, body }: Sent): string {
  const lines = Array.from({ length: headers.length / 2 }, (_, at) => `${headers[2 * at]}: ${headers[2 * at + 1]}`)
  return [status, ...lines, body]
    .join('\n')
    .replace(/^(Date|X-Request-Id): .*$/gim, (line, name) => `${name}: ${line.length} long`)
    .replace(/"instance":"urn:uuid:[0-9a-f-]{36}"/g, '"instance":"…"')
    .replace(/"challenge":"(chl_[\w-]+)"/g, (_, token: string) => `"challenge":"${token.length} long"`)
    .replace(/"reference":"[A-Z]{4}"/g, '"reference":"…"')
    .replace(/^Retry-After: (\d+)$/gim, (_, seconds) => `Retry-After: about ${Math.round(Number(seconds) / 100)}00`)
    .replace(/"expires_in":(599|598|597)\b/g, '"expires_in":600')
}

/** A world with addresses of each state, all of one length, and everything that may be asked about them. */
async function populated(...[t, settings]: [t: Parameters<typeof start>[0], settings: Settings]) {
  const { url, api, sql, ctx, codeOf, wrongCode } = await start(t, {
    BCRYPT_COST: '4',
    CODE_RESEND_AFTER: '0',
    CODE_RESENDS: '1',
    ...settings
  })
  const hash = await bcrypt.hash('the password of somebody', 4)
  let made = 0

  const addressOf = async (state: State, spent: boolean): Promise<string> => {
    const email = `p${String(made++).padStart(6, '0')}@example.com`
    if (state !== 'unknown')
      await sql(
        `insert into postern."user" (id, email, email_key, email_verified_at, password_hash, locale, disabled_at)
         values (gen_random_uuid(), $1, $1, case when $2 <> 'unverified' then now() end,
           case when $2 <> 'without password' then $3 end, 'en', case when $2 = 'disabled' then now() end)`,
        [email, state, hash]
      )
    if (spent) await spend(email)
    return email
  }
  const spend = (email: string) =>
    sql(
      `insert into postern.address_budget (key, code_level, code_level_at, lanes, password_level, password_level_at)
       select $1, 30, now(), jsonb_build_object('code:day', e + 864000, 'reset:day', e + 864000), 10, now()
       from extract(epoch from now()) as e
       on conflict (key) do update set code_level = 30, lanes = excluded.lanes, password_level = 10`,
      [ctx.secrets.addressMac(email)]
    )
  const challengeFor = async (email: string) => {
    const { body } = await api.requestOtp({ email })
    return { challenge: body.challenge as string, code: wrongCode(codeOf(body.challenge)) }
  }

  /** Every question that must not tell who has an account. A `spent` address has neither mails nor tries left. */
  const questions: Record<string, (state: State, spent: boolean) => Promise<Sent>> = {
    otp: async (state, spent) => post(url, '/v1/otp', { email: await addressOf(state, spent) }),
    login: async (state, spent) =>
      post(url, '/v1/login', { email: await addressOf(state, spent), password: 'a wrong password, long enough' }),
    forgot: async (state, spent) => post(url, '/v1/password/forgot', { email: await addressOf(state, spent) }),
    verify: async (state, spent) => {
      const guess = await challengeFor(await addressOf(state, false))
      for (let tried = 0; spent && tried < 3; tried++) await post(url, '/v1/otp/verify', guess)
      return await post(url, '/v1/otp/verify', guess)
    },
    resend: async (state, spent) => {
      const { challenge } = await challengeFor(await addressOf(state, false))
      if (spent) await post(url, '/v1/otp/resend', { challenge })
      return await post(url, '/v1/otp/resend', { challenge })
    }
  }
  return { questions, addressOf, url }
}

const expected: Record<string, [fresh: number, spent: number]> = {
  otp: [202, 429],
  login: [401, 403],
  forgot: [202, 429],
  verify: [401, 401],
  resend: [202, 429]
}

for (const settings of [{}, { SIGNUP: 'closed', UNKNOWN_ADDRESS: 'silent' }] as Settings[]) {
  const under = JSON.stringify(settings)

  t.test(`an answer is the same to the byte, whatever an address is, under ${under}`, async (t) => {
    const { questions } = await populated(t, settings)

    for (const [name, question] of Object.entries(questions)) {
      for (const spent of [false, true]) {
        const first = await question('unknown', spent)
        t.equal(first.status, expected[name]?.[spent ? 1 : 0], `${name}, spent: ${spent}`)
        for (const state of states.slice(1))
          t.equal(masked(await question(state, spent)), masked(first), `${name}, ${state}, spent: ${spent}`)
      }
    }
  })
}

t.test('where a code is required besides, the right password gets the same bytes as a wrong one', async (t) => {
  const { addressOf, url } = await populated(t, {})

  const right = await post(url, '/v1/login', {
    email: await addressOf('known', true),
    password: 'the password of somebody'
  })
  const wrong = await post(url, '/v1/login', { email: await addressOf('known', true), password: 'of nobody' })
  const nobody = await post(url, '/v1/login', { email: await addressOf('unknown', true), password: 'of nobody' })

  const unguarded = await post(url, '/v1/login', {
    email: await addressOf('known', false),
    password: 'the password of somebody'
  })

  t.equal(unguarded.status, 200, 'it is the right one')
  t.equal(right.status, 403)
  t.equal(masked(right), masked(wrong))
  t.equal(masked(right), masked(nobody))
})
