import { readFileSync } from 'node:fs'
import t from 'tap'
import { malformed } from '../contract-client.ts'
import { start, until } from '../helper.ts'

const email = 'maya@example.com'

t.test('the mail holds the code and the reference of the challenge that was answered', async (t) => {
  const { api, codeOf, newestMail, mailedCode } = await start(t, { BRAND_NAME: 'Acme' })

  const { body } = await api.requestOtp({ email })
  const mail = await newestMail(email)

  t.equal(await mailedCode(email), codeOf(body.challenge))
  t.match(mail, { to: email, subject: 'Acme identification code' })
  t.match(mail.text, body.reference)
  t.match(mail.html, body.reference)
  t.match(mail.text, '10 minutes')
})

t.test('each request has a challenge, a code and a mail of its own', async (t) => {
  const { api, inbox } = await start(t)

  const first = await api.requestOtp({ email })
  const second = await api.requestOtp({ email })
  const mails = await until(() => (inbox?.mails(email).length === 2 ? inbox.mails(email) : undefined))

  t.not(first.body.challenge, second.body.challenge)
  t.not(mails[0]?.message_id, mails[1]?.message_id)
})

t.test('whether an address has an account shows nowhere in the answer', async (t) => {
  const { api, signIn } = await start(t)
  await signIn('known@example.com')

  const answers = []
  for (const address of ['known@example.com', 'fresh@example.com'])
    answers.push(await api.requestOtp({ email: address }))

  const [known, unknown] = answers.map(({ status, headers, body }) => ({
    status,
    headers: [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)),
    body: { ...body, challenge: body.challenge.length, reference: body.reference.length }
  }))
  t.same(known, unknown)
  t.equal(known?.status, 202)
})

t.test('an address that looks mistyped is pointed out and served all the same', async (t) => {
  const { api, newestMail } = await start(t, { EMAIL_SUGGESTION_DOMAINS: 'acme.example' })
  const ask = async (address: string) => (await api.requestOtp({ email: address })).body.email_suggestion

  t.equal(await ask('maya@gmail.con'), 'maya@gmail.com')
  t.equal(await ask('Maya@gnail.com'), 'Maya@gmail.com')
  t.equal(await ask('maya@gmail.co'), 'maya@gmail.com')
  t.equal(await ask('maya@hotmial.com'), 'maya@hotmail.com')
  t.equal(await ask('maya@yahoo.co'), 'maya@yahoo.com')
  t.equal(await ask('maya@acne.example'), 'maya@acme.example')
  for (const right of ['gmail.com', 'yahoo.co.uk', 'acme.example', 'example.com'])
    t.equal(await ask(`maya@${right}`), undefined, right)
  t.equal((await newestMail('maya@gmail.con')).to, 'maya@gmail.con')
})

t.test('all spellings of an address share one account and one budget', async (t) => {
  const { signIn, sql } = await start(t)
  const spellings = [
    'Maya@Münch.example',
    '  MAYA@MÜNCH.EXAMPLE ',
    'maya@mu\u0308nch.example',
    'maya@xn--mnch-0ra.example',
    'maya@ｍünch.example',
    'maya@münch。example'
  ]

  const users = []
  for (const spelling of spellings) users.push((await signIn(spelling)).body.user)

  t.equal(new Set(users.map((user) => user.id)).size, 1)
  t.same([...new Set(users.map((user) => user.email))], ['Maya@xn--mnch-0ra.example'])
  t.match(
    await sql(
      'select (select count(*)::int from postern."user") as users, count(*)::int as budgets from postern.address_budget'
    ),
    [{ users: 1, budgets: 1 }]
  )
})

t.test('two dots or a plus tag are addresses of their own', async (t) => {
  const { signIn } = await start(t)

  const users = []
  for (const address of ['maya.l@gmail.com', 'mayal@gmail.com', 'mayal+x@gmail.com'])
    users.push((await signIn(address)).body.user.id)

  t.equal(new Set(users).size, 3)
})

t.test('a request that does not match the contract is refused with its place, and changes nothing', async (t) => {
  const { api, sql } = await start(t)
  const bodies: [unknown, string][] = [
    [undefined, '/email'],
    [{}, '/email'],
    [{ email: 7 }, '/email'],
    [{ email: null }, '/email'],
    [{ email: [email] }, '/email'],
    [{ email: '' }, '/email'],
    [{ email: 'maya' }, '/email'],
    [{ email: `${'m'.repeat(300)}@example.com` }, '/email'],
    [{ email: `${email}, ines@example.com` }, '/email'],
    [{ email: 'maya\r\nBcc: ines@example.com@example.com' }, '/email'],
    [`{"email":"maya\\u0000@example.com"}`, '/email'],
    [`{"email":"\\ud800maya@example.com"}`, '/email'],
    [{ email, locale: 'not a language' }, '/locale'],
    [{ email, locale: 7 }, '/locale'],
    [{ email, e_mail: email }, '/e_mail'],
    [`{"email":"${email}","email":"ines@example.com"}`, ''],
    [`{"email":"${email}","\\u0065mail":"ines@example.com"}`, ''],
    [`{"__proto__":{},"email":"${email}"}`, '/__proto__'],
    [`{"__proto__":1,"email":"${email}"}`, ''],
    ['[]', ''],
    ['{', '']
  ]

  for (const [body, pointer] of bodies) {
    const { status, problem } = await api.requestOtp(malformed(body))
    t.match({ status, problem }, { status: 400, problem: { code: 'invalid-request', errors: [{ pointer }] } })
  }

  t.match(
    await sql(
      'select (select count(*)::int from postern.challenge) as challenges, count(*)::int as mails from postern.mail'
    ),
    [{ challenges: 0, mails: 0 }]
  )
})

t.test('nothing that a mail scanner sends changes anything: GET, HEAD and OPTIONS only look', async (t) => {
  const { api, url, codeOf, signIn, sql, inbox } = await start(t)
  const { body: session } = await signIn('ines@example.com')
  const { body: asked } = await api.requestOtp({ email })
  const code = codeOf(asked.challenge)
  await until(() => inbox?.mails(email).length === 1)
  await until(async () => (await sql(`select 1 from postern.mail where state = 'queued'`)).length === 0)
  await until(async () => (await sql('select from postern.installation_tally'))[0]) // the service's own, some seconds later
  const tables = await sql(`select table_name as name from information_schema.tables where table_schema = 'postern'`)
  const dump = async () => {
    const rows = []
    for (const { name } of tables)
      rows.push(await sql(`select to_jsonb(t)::text as row from postern."${name}" as t order by 1`))
    return rows
  }
  const contract = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'))
  const paths = [
    ...Object.keys(contract.paths),
    '/docs',
    '/dev/inbox',
    '/dev/inbox.json',
    '/problems/code-rejected',
    '/'
  ]
  const query = new URLSearchParams({ email, challenge: asked.challenge, code, refresh_token: session.refresh_token })
  const headers = { authorization: `Bearer ${session.access_token}`, 'x-http-method-override': 'POST' }
  const before = await dump()

  const statuses: number[] = []
  for (const path of paths)
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const answer = await fetch(`${url + path.replace('{id}', session.session.id)}?${query}`, { method, headers })
      statuses.push(answer.status)
      await answer.arrayBuffer()
    }

  t.same(await dump(), before)
  t.ok(tables.length >= 7 && statuses.every((status) => status < 500))
  t.equal((await api.verifyOtp({ challenge: asked.challenge, code })).status, 200)
})

t.test('a code lasts as long as the operator says, and the mail says so too', async (t) => {
  const { api, newestMail, sql } = await start(t, { CODE_TTL: '120' })

  const { body } = await api.requestOtp({ email })

  t.ok(body.expires_in > 110 && body.expires_in <= 120, `${body.expires_in} s`)
  t.match((await newestMail(email)).text, /\b2 minutes\b/)
  t.strictSame(await sql('select extract(epoch from expires_at - sent_at)::int as life from postern.challenge'), [
    { life: 120 }
  ])
})
