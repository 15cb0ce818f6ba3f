import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import t from 'tap'
import { until } from '../helper.ts'
import { email, password, startWithPasswords, tokenIn } from './with-password.ts'

t.test('the answer is the same for every address, and only an account is mailed a link', async (t) => {
  const { api, signUp, signIn, sql, mails, newestMail } = await startWithPasswords(t)
  await signUp()
  await signIn('noor@example.com')
  await signIn('gone@example.com')
  await sql(`update postern."user" set disabled_at = now() where email = 'gone@example.com'`)
  const addresses = [email, 'noor@example.com', 'gone@example.com', 'nobody@example.com']

  const answers = await Promise.all(addresses.map((address) => api.requestPasswordReset({ email: address })))

  for (const { status, body } of answers) t.strictSame({ status, body }, { status: 202, body: { expires_in: 86_400 } })
  for (const address of addresses.slice(0, 2)) {
    await until(() => mails(address).find(({ subject }) => subject === 'Postern account password change'))
    t.match((await newestMail(address)).text, /#token=rst_/)
  }
  for (const address of addresses.slice(2)) {
    const mail = await until(() => mails(address).find(({ subject }) => subject.startsWith('No Postern account')))
    t.match(mail.text, 'no link was sent')
    t.notMatch(mail.text + mail.html, /token=|https?:/)
  }
})

t.test('an address without account gets no mail at all where the operator wants it so', async (t) => {
  const { api, signUp, sql, mails } = await startWithPasswords(t, { UNKNOWN_ADDRESS: 'silent' })
  await signUp()

  for (const address of [email, 'nobody@example.com']) await api.requestPasswordReset({ email: address })

  await until(() => mails(email).find(({ text }) => text.includes('#token=')))
  const [row] = await until(async () => {
    const rows = await sql(`select state, email_key from postern.mail where state = 'dropped'`)
    return rows.length > 0 ? rows : undefined
  })
  t.strictSame(row, { state: 'dropped', email_key: null })
  t.strictSame(mails('nobody@example.com'), [])
})

t.test('the mail is in the language of whoever asks, with a button, one link and its day', async (t) => {
  const { signIn, api, mails } = await startWithPasswords(t, { BRAND_NAME: 'Acme' })
  const expected = {
    en: ['Acme account password change', 'Update password', 'one day'],
    fr: ['Modification du mot de passe de votre compte Acme', 'Mettre à jour le mot de passe', 'un jour'],
    de: ['Passwortänderung für Ihr Konto bei Acme', 'Passwort aktualisieren', 'einen Tag'],
    es: ['Cambio de contraseña de su cuenta de Acme', 'Actualizar contraseña', 'un día']
  }

  for (const [locale, [subject, button, day]] of Object.entries(expected)) {
    const to = `${locale}@example.com`
    await signIn(to)
    await api.requestPasswordReset({ email: to, locale })
    const mail = await until(() => mails(to).find((one) => one.subject === subject))
    const link = `http://localhost:3000/reset-password.html#token=${tokenIn(mail.text)}`
    t.ok(mail.html.includes(`<a class="button" href="${link}">${button}</a>`), locale)
    t.ok(mail.text.includes(`${link}\n`) && mail.text.includes(day as string) && mail.html.includes(day as string))
    t.strictSame(mail.html.match(/https?:[^"<\s]+/g), [link])
    t.notMatch(mail.text, /^[0-9]{6,8}$/m)
  }
})

t.test('no header of a request ever shapes a link', async (t) => {
  const { signIn, mails, url } = await startWithPasswords(t, { RESET_URL: 'http://localhost:5000/new?from=mail' })
  await signIn(email)
  const headers = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': '203.0.113.7',
    'x-original-url': '//evil.example',
    forwarded: 'host=evil.example;proto=http',
    origin: 'https://evil.example',
    referer: 'https://evil.example/',
    'content-type': 'application/json'
  }

  const status = await new Promise((resolve, reject) => {
    const asked = request(`${url}/v1/password/forgot`, { method: 'POST', headers }, (answer) =>
      resolve(answer.resume().statusCode)
    )
    asked.on('error', reject).end(JSON.stringify({ email }))
  })

  t.equal(status, 202)
  const mail = await until(() => mails(email).find(({ text }) => text.includes('#token=')))
  t.match(mail.text, /^http:\/\/localhost:5000\/new\?from=mail#token=rst_[\w-]+$/m)
  t.notMatch(JSON.stringify(mail), 'evil')
})

t.test('up to three links are live; the fourth request mails the newest of them again', async (t) => {
  const { api, signIn, askForLink, emptyLanes } = await startWithPasswords(t)
  await signIn(email)

  const tokens = [await askForLink(), await askForLink(), await askForLink()]
  await emptyLanes()
  const fourth = await askForLink()

  t.equal(new Set(tokens).size, 3)
  t.equal(fourth, tokens[2])
  for (const token of tokens) t.equal((await api.inspectPasswordReset({ token })).status, 200)
})

t.test('the answer does not tell whose links were used meanwhile', async (t) => {
  const { api, signIn, emptyLanes, sql } = await startWithPasswords(t)
  const addresses = [email, 'nobody@example.com']
  const ask = (address: string) => api.requestPasswordReset({ email: address })
  const { body: session } = await signIn(email)

  for (const address of addresses) for (let time = 1; time <= 3; time++) await ask(address)
  await sql(
    `update postern.password_reset set expires_at = expires_at - interval '1 hour', created_at = created_at - interval '1 hour'`
  )
  await emptyLanes()
  const before = await Promise.all(addresses.map(ask))
  await api.changePassword({ password }, { bearer: session.access_token })
  await emptyLanes()
  const after = await Promise.all(addresses.map(ask))

  for (const { status, body } of [...before, ...after])
    t.strictSame({ status, body }, { status: 202, body: { expires_in: 86_400 } })
})

t.test('of many requests at once over two instances exactly three make a link', async (t) => {
  const { api, another, sql } = await startWithPasswords(t)
  const second = await another()

  for (const address of ['new@example.com', 'other@example.com']) {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => (index % 2 ? second.api : api).requestPasswordReset({ email: address }))
    )
    const accepted = answers.filter(({ status }) => status === 202).length
    const [made] = await sql(
      `select (select count(*)::int from postern.password_reset where email = $1) as resets,
         (select count(*)::int from postern.mail where kind = 'reset' and email_key = $1) as mails`,
      [address]
    )

    t.strictSame(made, { resets: 3, mails: accepted })
  }
})

t.test('a retry with the same Idempotency-Key makes no other link and no other mail, and fills no lane', async (t) => {
  const { api, another, signIn, sql, emptyLanes } = await startWithPasswords(t)
  const second = await another()
  await signIn(email)
  const headers = { 'idempotency-key': randomUUID() }
  const counts = async () =>
    (
      await sql(`select (select count(*)::int from postern.password_reset) as resets,
      (select count(*)::int from postern.mail where kind = 'reset') as mails`)
    )[0]

  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, nth) => (nth % 2 ? second.api : api).requestPasswordReset({ email }, { headers }))
  )
  t.strictSame(await counts(), { resets: 1, mails: 1 })
  await emptyLanes()
  for (let more = 0; more < 3; more++) await api.requestPasswordReset({ email })
  await emptyLanes()
  const late = await api.requestPasswordReset(
    { email },
    { headers: { 'idempotency-key': headers['idempotency-key'].toUpperCase() } }
  )

  for (const { status } of [...answers, late]) t.equal(status, 202)
  t.strictSame(await counts(), { resets: 3, mails: 4 })
})

t.test('the link goes to the spelling that the account has, and a typing mistake is pointed out', async (t) => {
  const { api, signUp, mails } = await startWithPasswords(t)
  await signUp('Maya@Example.com', password)

  const asked = await api.requestPasswordReset({ email: 'mAyA@example.com' })
  const typo = await api.requestPasswordReset({ email: 'maya@gmail.con' })

  const mail = await until(() => mails('Maya@example.com').find(({ text }) => text.includes('#token=')))
  t.equal(mail.to, 'Maya@example.com')
  t.equal(asked.body.email_suggestion, undefined)
  t.equal(typo.body.email_suggestion, 'maya@gmail.com')
})

t.test('a mail that waited is not sent when its link has ended, and tells the time that is left', async (t) => {
  const { api, sql, mails, signIn, askForLink, ctx } = await startWithPasswords(t)
  await signIn(email)
  await askForLink()
  for (let more = 0; more < 2; more++) await askForLink()
  await sql(`update postern.password_reset set expires_at = expires_at - interval '18 hours 15 minutes'`)

  await api.requestPasswordReset({ email })

  const mail = await until(() => mails(email).find(({ text }) => text.includes('5 hours')))
  t.ok(ctx.secrets.readReset(tokenIn(mail.text)))
})
