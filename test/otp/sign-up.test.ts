import t from 'tap'
import { codeIn, start, until } from '../helper.ts'

const email = 'maya@example.com'
const rejected = { status: 401, problem: { code: 'code-rejected' } }
const CODE = /^([0-9]{6,8}|[0-9A-HJKMNP-TV-Z]{13})$/m

/** A world in which mails are settled and accounts can be counted and made as an operator makes them. */
async function world(...[t, settings]: Parameters<typeof start>) {
  const made = await start(t, settings)
  const users = () => made.sql('select * from postern."user" order by created_at')
  const account = (columns: string, values: string) =>
    made.sql(`insert into postern."user" (id, email, email_key, locale, ${columns})
      values (gen_random_uuid(), '${email}', '${email}', 'en', ${values})`)
  const settled = () =>
    until(async () => {
      const mails = await made.sql('select state, email_key from postern.mail order by id')
      return mails.every(({ state }) => state !== 'queued') ? mails : undefined
    })
  return { ...made, users, account, settled }
}

t.test('a right code for a new address makes a proven account, in the spelling that was typed', async (t) => {
  const { signIn, users } = await world(t)

  const { body } = await signIn(' Maya.Lund@EXAMPLE.com ')

  t.match(body.user, { email: 'Maya.Lund@example.com', email_verified: true, has_password: false, locale: 'en' })
  t.match(await users(), [{ id: body.user.id, email_key: 'maya.lund@example.com', credential_version: 1 }])
})

t.test('asking for a code makes no account, nor does a wrong one', async (t) => {
  const { api, codeOf, wrongCode, users } = await world(t)
  const { challenge } = (await api.requestOtp({ email })).body

  await api.verifyOtp({ challenge, code: wrongCode(codeOf(challenge)) })

  t.same(await users(), [])
})

t.test('mail to an account goes to the spelling that it has, whatever is typed', async (t) => {
  const { api, signIn, inbox } = await world(t)
  await signIn('Maya@Example.com')

  const { reference } = (await api.requestOtp({ email: 'MAYA@EXAMPLE.COM' })).body
  const mail = await until(() => inbox?.mails().find(({ text }) => text.includes(reference)))

  t.equal(mail.to, 'Maya@example.com')
})

t.test('with sign-up closed a new address is told by mail that it has no account', async (t) => {
  const { api, codeOf, newestMail, users } = await world(t, { SIGNUP: 'closed', BRAND_NAME: 'Acme' })

  const { status, body } = await api.requestOtp({ email })
  const mail = await newestMail(email)

  t.equal(status, 202)
  t.equal(mail.subject, 'No Acme account for this address')
  t.match(mail.text, 'no code was sent')
  t.notMatch(mail.text, CODE)
  t.notOk(`${mail.text}${mail.html}`.includes(codeOf(body.challenge)))
  t.match(await api.verifyOtp({ challenge: body.challenge, code: codeOf(body.challenge) }), rejected)
  t.same(await users(), [])
})

t.test('with sign-up closed a new address may also get nothing, and is forgotten', async (t) => {
  const { api, settled, inbox } = await world(t, { SIGNUP: 'closed', UNKNOWN_ADDRESS: 'silent' })

  const { status } = await api.requestOtp({ email })

  t.equal(status, 202)
  t.same(await settled(), [{ state: 'dropped', email_key: null }])
  t.same(inbox?.mails(), [])
})

t.test('with sign-up open a new address gets its code, also where unknown ones would get nothing', async (t) => {
  const { api, mailedCode } = await world(t, { UNKNOWN_ADDRESS: 'silent' })

  const { challenge } = (await api.requestOtp({ email })).body

  t.equal((await api.verifyOtp({ challenge, code: await mailedCode(email) })).status, 200)
})

t.test('with sign-up closed the accounts there are sign in as ever', async (t) => {
  const { api, account, mailedCode } = await world(t, { SIGNUP: 'closed', UNKNOWN_ADDRESS: 'silent' })
  await account('email_verified_at', 'now()')

  const { challenge } = (await api.requestOtp({ email })).body
  const { status, body } = await api.verifyOtp({ challenge, code: await mailedCode(email) })

  t.equal(status, 200)
  t.match(body.user, { email, email_verified: true })
})

t.test('with sign-up closed an account that was made and never proven is proven by its first code', async (t) => {
  const { api, account, mailedCode, users } = await world(t, { SIGNUP: 'closed' })
  await account('external_id', `'crm-7'`)

  const { challenge } = (await api.requestOtp({ email })).body
  const { status, body } = await api.verifyOtp({ challenge, code: await mailedCode(email) })

  t.equal(status, 200)
  t.equal(body.user.email_verified, true)
  t.match(await users(), [{ external_id: 'crm-7', email_verified_at: Date }])
})

t.test('what was planted in an account before its mailbox was proven goes when it is', async (t) => {
  const { api, signIn, sql, users } = await world(t)
  const { body: planted } = await signIn(email)
  await sql(`update postern."user" set email_verified_at = null, password_hash = 'planted'`)
  t.equal((await api.getMe({ bearer: planted.access_token })).body.has_password, true)

  const { status, body } = await signIn(email)

  t.equal(status, 200)
  t.match(body.user, { id: planted.user.id, has_password: false, email_verified: true })
  t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
  t.equal((await api.getSession({ bearer: planted.access_token })).status, 401)
  t.equal((await api.refreshSession({ refresh_token: planted.refresh_token })).status, 401)
  t.match(await users(), [{ password_hash: null, credential_version: 2 }])
})

t.test('a proven account is read and not rewritten: it keeps its password and its other sessions', async (t) => {
  const { api, signIn, sql, users } = await world(t)
  const { body: first } = await signIn(email)
  await sql(`update postern."user" set password_hash = 'its own'`)
  const [before] = await sql('select *, xmin from postern."user"')

  const { body } = await signIn('MAYA@example.com')

  t.equal(body.user.has_password, true)
  t.equal((await api.getSession({ bearer: first.access_token })).status, 200)
  t.equal((await users()).length, 1)
  const [after] = await sql('select *, xmin from postern."user"')
  t.same(after, before)
})

for (const SIGNUP of ['open', 'closed']) {
  t.test(`a disabled account does not get in, and is mailed as if it were none (sign-up ${SIGNUP})`, async (t) => {
    const { api, signIn, codeOf, sql, account, newestMail, users } = await world(t, { SIGNUP })
    await account('email_verified_at', 'now()')
    const { body: earlier } = await signIn(email)
    const { challenge: open } = (await api.requestOtp({ email })).body
    codeIn((await newestMail(email)).text)
    await sql('update postern."user" set disabled_at = now()')

    const { challenge, reference: _, ...asked } = (await api.requestOtp({ email })).body
    const mail = await until(async () => [await newestMail(email)].find(({ text }) => !CODE.test(text)))

    t.match(asked, { tries: 3, code_length: 6 })
    t.match(mail.subject, /^No .* account/)
    for (const token of [open, challenge])
      t.match(await api.verifyOtp({ challenge: token, code: codeOf(token) }), rejected)
    t.equal((await api.getSession({ bearer: earlier.access_token })).status, 401)
    t.equal((await users()).length, 1)
  })
}

t.test('a disabled account gets nothing where unknown addresses get nothing', async (t) => {
  const { api, account, settled, inbox } = await world(t, { UNKNOWN_ADDRESS: 'silent' })
  await account('email_verified_at, disabled_at', 'now(), now()')

  await api.requestOtp({ email })

  t.match(await settled(), [{ state: 'dropped' }])
  t.same(inbox?.mails(), [])
})

t.test('a disabled account that was never proven is not proven by a code', async (t) => {
  const { signIn, account, users } = await world(t)
  await account('password_hash, disabled_at', `'planted', now()`)

  t.match(await signIn(email), rejected)

  t.match(await users(), [{ email_verified_at: null, password_hash: 'planted', credential_version: 1 }])
})
