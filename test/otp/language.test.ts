import t from 'tap'
import { malformed } from '../contract-client.ts'
import { start, until } from '../helper.ts'

const email = 'maya@example.com'
const accepting = (header: string) => ({ headers: { 'accept-language': header } })
const subjects = {
  en: 'Acme identification code',
  fr: 'Code d’identification Acme',
  de: 'Identifikationscode für Acme',
  es: 'Código de identificación de Acme'
}
const refusals = {
  en: 'No Acme account for this address',
  fr: 'Aucun compte Acme pour cette adresse',
  de: 'Kein Konto bei Acme für diese Adresse',
  es: 'No hay ninguna cuenta de Acme con esta dirección'
}

/** A world that tells in which language the mail of a request comes. */
async function world(...[t, settings]: Parameters<typeof start>) {
  const made = await start(t, { BRAND_NAME: 'Acme', ...settings })
  /** The mail with a challenge's reference; a resend is the second one. */
  const mailOf = (reference: string, which = 1) =>
    until(() =>
      made.inbox
        ?.mails()
        .filter(({ text }) => text.includes(reference))
        .at(-which)
    )
  const languageIn = ({ subject }: { subject: string }) =>
    Object.entries(subjects).find(([, known]) => known === subject)?.[0]
  /** The language of the mail that this request brings. */
  const languageOf = async (body: { email?: string; locale?: string }, header = '*') => {
    const { reference } = (await made.api.requestOtp({ email, ...body }, accepting(header))).body
    return languageIn(await mailOf(reference))
  }
  return { ...made, mailOf, languageIn, languageOf }
}

t.test('a code is mailed in each of four languages, in both parts', async (t) => {
  const { api, codeOf, mailOf } = await world(t)
  const words = { en: 'minutes', fr: 'minutes', de: 'Minuten', es: 'minutos' }

  for (const [locale, subject] of Object.entries(subjects)) {
    const { challenge, reference } = (await api.requestOtp({ email, locale })).body
    const mail = await mailOf(reference)

    t.equal(mail.subject, subject)
    t.ok(mail.text.split('\n').includes(codeOf(challenge)), locale)
    t.match(mail.text, `10 ${words[locale as keyof typeof words]}`)
    t.match(mail.html, `<html lang="${locale}">`)
    t.match(mail.html, codeOf(challenge))
  }
})

t.test('an address without account is told so in each of four languages', async (t) => {
  const { api, newestMail } = await world(t, { SIGNUP: 'closed' })

  for (const [locale, subject] of Object.entries(refusals)) {
    await api.requestOtp({ email: `${locale}@example.com`, locale })
    const mail = await newestMail(`${locale}@example.com`)

    t.equal(mail.subject, subject)
    t.match(mail.html, `<html lang="${locale}">`)
  }
})

t.test('what the request says goes before the browser, the account and the default', async (t) => {
  const { api, signIn, languageOf } = await world(t, { DEFAULT_LOCALE: 'fr' })
  t.equal(await languageOf({}), 'fr', 'the default')
  t.equal(await languageOf({ locale: 'es' }), 'es')
  t.equal(await languageOf({ locale: 'es' }, 'de'), 'es')
  t.equal(await languageOf({}, 'de'), 'de')

  const { body } = await signIn(email)
  await api.updateMe({ locale: 'en' }, { bearer: body.access_token })

  t.equal(await languageOf({}), 'en', "the account's")
  t.equal(await languageOf({}, 'de'), 'de')
  t.equal(await languageOf({ locale: 'es' }, 'de'), 'es')
  t.equal(await languageOf({ email: 'ines@example.com' }), 'fr', 'another account, or none')
})

t.test('a country does not hide its language', async (t) => {
  const { languageOf } = await world(t)

  t.equal(await languageOf({ locale: 'fr-CH' }), 'fr')
  t.equal(await languageOf({ locale: 'DE-at' }), 'de')
  t.equal(await languageOf({}, 'es-MX,es;q=0.9,en;q=0.8'), 'es')
})

t.test('the browser is served in the language it likes best among those there are', async (t) => {
  const { languageOf } = await world(t)

  t.equal(await languageOf({}, 'nl, pl;q=0.9, de;q=0.3, fr;q=0.6'), 'fr')
  t.equal(await languageOf({}, 'nl'), 'en')
  t.equal(await languageOf({}, 'nl, *;q=0.5'), 'en', 'any language is the default, and not the first there is')
  t.equal(await languageOf({}, ',;q=x'), 'en')
})

t.test('a language there are no mails in falls back to the default', async (t) => {
  const { languageOf } = await world(t, { DEFAULT_LOCALE: 'es' })

  t.equal(await languageOf({ locale: 'nl' }), 'es')
})

t.test('a language there are no mails in leaves the choice to the browser', async (t) => {
  const { languageOf } = await world(t, { DEFAULT_LOCALE: 'es' })

  t.equal(await languageOf({ locale: 'pt-BR' }, 'de-DE, de;q=0.9'), 'de')
})

t.test('a tag with extensions is a tag', async (t) => {
  const { languageOf } = await world(t)

  t.equal(await languageOf({ locale: 'de-DE-u-co-phonebk' }), 'de')
  t.equal(await languageOf({ locale: 'fr-x-home' }), 'fr')
})

t.test('a resend comes in the language of its request', async (t) => {
  const { api, sql, mailOf, languageIn } = await world(t)
  const { challenge, reference } = (await api.requestOtp({ email, locale: 'fr' })).body
  await mailOf(reference)
  await sql(`update postern.challenge set sent_at = sent_at - interval '1 minute'`)

  await api.resendOtp({ challenge }, accepting('de'))

  t.equal(languageIn(await mailOf(reference, 2)), 'fr')
})

t.test('a new account keeps the language it was asked for in, else the default', async (t) => {
  const { api, codeOf } = await world(t, { DEFAULT_LOCALE: 'es' })
  const localeOf = async (body: object, header: string) => {
    const { challenge } = (await api.requestOtp(malformed(body), accepting(header))).body
    return (await api.verifyOtp({ challenge, code: codeOf(challenge) })).body.user.locale
  }

  t.equal(await localeOf({ email: 'a@example.com', locale: 'fr-CH' }, 'de'), 'fr-CH')
  t.equal(await localeOf({ email: 'b@example.com' }, 'de-AT, en;q=0.5'), 'de')
  t.equal(await localeOf({ email: 'c@example.com' }, 'nl'), 'es')
  t.equal(await localeOf({ email: 'a@example.com', locale: 'de' }, 'de'), 'fr-CH', 'an account keeps what it has')
})
